"""Scores by run: drivers and texts as numbers and, on PostgreSQL, a partition a run.

Scores are written anew by every scoring, so the old ones are dropped rather than converted: no run is current until the
next scoring, which the pipeline asks for by itself (``services.needs_scoring``).
"""

import django.db.models.deletion
from django.db import migrations, models

_PARTITIONED = """
CREATE SEQUENCE "predictions_score_id_seq" AS bigint;
CREATE TABLE "predictions_score" (
    -- eight bytes wide, then four, then two, then one: no gaps, a tenth less to write
    "id" bigint NOT NULL DEFAULT nextval('predictions_score_id_seq'),
    "run_id" bigint NOT NULL,
    "customer_id" bigint NOT NULL,
    "risk" double precision NOT NULL,
    "driver_1" smallint NOT NULL,
    "driver_2" smallint NOT NULL,
    "driver_3" smallint NOT NULL,
    "contract_code" smallint NOT NULL,
    "internet_code" smallint NOT NULL,
    "tenure" smallint NULL CHECK ("tenure" >= 0),
    "is_out_of_fold" boolean NOT NULL,
    "senior_citizen" boolean NULL,
    "churn_label" boolean NULL,
    "tenant_id" uuid NOT NULL,
    "monthly_charges" numeric(12, 3) NULL,
    "driver_facts" bytea NOT NULL
) PARTITION BY LIST ("run_id");
ALTER SEQUENCE "predictions_score_id_seq" OWNED BY "predictions_score"."id";
-- Rows of a run that has no table of its own: what is written one by one.
CREATE TABLE "predictions_score_single" PARTITION OF "predictions_score" DEFAULT;
-- A part holds one run, so its indexes need not begin with it; nobody asks for a score by its own key. Unknown comes last, as lists have it (core.keyset).
CREATE UNIQUE INDEX "score_once" ON "predictions_score" ("customer_id", "run_id");
CREATE INDEX "score_by_risk" ON "predictions_score" ("risk" DESC, "id" DESC);
CREATE INDEX "score_by_contract" ON "predictions_score" ("contract_code", "risk" DESC, "id" DESC);
CREATE INDEX "score_by_charges" ON "predictions_score" ("monthly_charges" DESC NULLS LAST, "id" DESC);
CREATE INDEX "score_by_tenure" ON "predictions_score" ("tenure" DESC NULLS LAST, "id" DESC);
"""


class CreateScores(migrations.CreateModel):
    """The model as Django knows it; on PostgreSQL the table is partitioned by run.

    There its foreign keys are those that ``core.guards`` installs after every migrate: a pair with the company, which
    proves more than the single keys would, at half their price for a million rows.
    """

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(_PARTITIONED, params=None)
        else:
            super().database_forwards(app_label, schema_editor, from_state, to_state)


def forget_scores(apps, schema_editor):
    apps.get_model("predictions", "ScoringRun").objects.update(has_scores=False, is_current=False)


def _company_or_run_or_customer(to, **options):
    return models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to=to, **options)


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_any_companys_file"),
        ("predictions", "0005_any_companys_file"),
        ("tenants", "0002_answers_and_kept_scores"),
    ]

    operations = [
        migrations.DeleteModel(name="Score"),
        migrations.AddField(
            model_name="scoringrun",
            name="legend",
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="scoringrun",
            name="last_customer",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        CreateScores(
            name="Score",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("risk", models.FloatField(verbose_name="risk")),
                (
                    "is_out_of_fold",
                    models.BooleanField(default=False, verbose_name="scored by a fold that had not seen it"),
                ),
                ("driver_1", models.SmallIntegerField(default=0, editable=False)),
                ("driver_2", models.SmallIntegerField(default=0, editable=False)),
                ("driver_3", models.SmallIntegerField(default=0, editable=False)),
                ("driver_facts", models.BinaryField(default=b"")),
                ("contract_code", models.SmallIntegerField(default=0, editable=False)),
                ("internet_code", models.SmallIntegerField(default=0, editable=False)),
                ("tenure", models.PositiveSmallIntegerField(null=True)),
                ("monthly_charges", models.DecimalField(decimal_places=3, max_digits=12, null=True)),
                ("senior_citizen", models.BooleanField(null=True)),
                ("churn_label", models.BooleanField(null=True)),
                (
                    "customer",
                    _company_or_run_or_customer("customers.customer", related_name="+", verbose_name="customer"),
                ),
                (
                    "run",
                    _company_or_run_or_customer(
                        "predictions.scoringrun", related_name="scores", verbose_name="scoring"
                    ),
                ),
                (
                    "tenant",
                    _company_or_run_or_customer(
                        "tenants.tenant", editable=False, related_name="+", verbose_name="company"
                    ),
                ),
            ],
            options={
                "verbose_name": "score",
                "verbose_name_plural": "scores",
                "indexes": [
                    models.Index(fields=["run", "-risk", "-id"], name="score_by_risk"),
                    models.Index(fields=["run", "contract_code", "-risk", "-id"], name="score_by_contract"),
                    models.Index(fields=["run", "-monthly_charges", "-id"], name="score_by_charges"),
                    models.Index(fields=["run", "-tenure", "-id"], name="score_by_tenure"),
                ],
                "constraints": [models.UniqueConstraint(fields=("customer", "run"), name="score_once")],
            },
        ),
        migrations.RunPython(forget_scores, migrations.RunPython.noop),
    ]
