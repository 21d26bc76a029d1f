import uuid

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0005_quality'),
    ]

    operations = [
        migrations.AddField(
            model_name='columnfinding',
            name='overruled_as',
            field=models.CharField(blank=True, choices=[('quarantine', 'quarantined'), ('warn', 'to look at'), ('set_aside', 'set aside')], editable=False, max_length=12),
        ),
        migrations.AddField(
            model_name='columnfinding',
            name='holds',
            field=models.BooleanField(default=True, verbose_name='still holds'),
        ),
        migrations.AddField(
            model_name='columnfinding',
            name='public_id',
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='identifier'),
        ),
    ]
