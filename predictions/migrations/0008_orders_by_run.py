"""The orders of lists are indexed a run at a time, when its rows are there (predictions/services/orders.py)."""

from django.db import migrations

_NAMES = ("score_by_risk", "score_by_contract", "score_by_charges", "score_by_tenure")
_ORDERS = {
    "by_risk": '"risk" DESC, "id" DESC',
    "by_contract": '"contract_code", "risk" DESC, "id" DESC',
    "by_charges": '"monthly_charges" DESC NULLS LAST, "id" DESC',
    "by_tenure": '"tenure" DESC NULLS LAST, "id" DESC',
}


def index_shown_runs(apps, schema_editor):
    """What is shown stays quick: its orders are built here, as the next scoring will build its own."""
    connection = schema_editor.connection
    run_model = apps.get_model("predictions", "ScoringRun")
    for key in run_model._base_manager.filter(is_current=True).values_list("pk", flat=True):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    """SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                       WHERE i.inhparent = '"predictions_score"'::regclass AND c.relname ~ %s""",
                    [f"^predictions_score_{key}_[0-9]+$"],
                )
                parts = cursor.fetchall()
            for (part,) in parts:
                for title, keys in _ORDERS.items():
                    schema_editor.execute(f'CREATE INDEX "predictions_score_{key}_{title}" ON "{part}" ({keys})')
        else:
            for title, keys in _ORDERS.items():
                keys = keys.replace(" NULLS LAST", "")
                schema_editor.execute(
                    f'CREATE INDEX "predictions_score_{key}_{title}" ON "predictions_score" ({keys}) WHERE "run_id" = {key}'
                )


class Migration(migrations.Migration):
    dependencies = [("predictions", "0007_stewardship")]

    operations = [
        *(migrations.RemoveIndex(model_name="score", name=name) for name in _NAMES),
        migrations.RunPython(index_shown_runs, migrations.RunPython.noop),
    ]
