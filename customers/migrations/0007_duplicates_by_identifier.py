"""Groups of likely duplicates get an identifier that programs may be told."""

import uuid

from django.db import migrations, models


def _name_each(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        # An UPDATE would find no row: each is seen within its own company only. Rewriting a column asks nobody's leave.
        schema_editor.execute(
            'ALTER TABLE "customers_duplicategroup" ALTER COLUMN "public_id" TYPE uuid USING gen_random_uuid()'
        )
    else:
        schema_editor.execute('UPDATE "customers_duplicategroup" SET "public_id" = lower(hex(randomblob(16)))')


class Migration(migrations.Migration):
    dependencies = [("customers", "0006_usage_by_month")]

    operations = [
        migrations.AddField("duplicategroup", "public_id", models.UUIDField(null=True, editable=False)),
        migrations.RunPython(_name_each, migrations.RunPython.noop),
        migrations.AlterField(
            "duplicategroup",
            "public_id",
            models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier"),
        ),
    ]
