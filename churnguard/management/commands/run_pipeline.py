"""``manage.py run_pipeline --tenant SLUG [--file FILE] [--json]``"""

from pathlib import Path

from core.console import JobCommand, foreground
from customers import services as customers
from predictions import selectors
from predictions import services as predictions
from tenants.company import company


class Command(JobCommand):
    help = "The whole main job in the foreground: import (where a file is named), train, score."

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--file", help="a file to import first")
        parser.add_argument("--seed", type=int, default=0)

    def run_in_company(self, *, tenant, file, seed, **_) -> dict[str, object]:
        result: dict[str, object] = {}
        with company(tenant):
            if file:
                brought = customers.open_import(path=Path(file))
                foreground("Importing", brought, lambda: customers.run_import(import_id=brought.pk, follow=False))
                brought.refresh_from_db()
                result["import"] = brought.result()
            training = predictions.open_training(seed=seed)
            foreground("Training", training, lambda: predictions.train_model(run_id=training.pk, follow=False))
            result["model"] = predictions.model_json(selectors.version_of(training))
            scoring = predictions.require_scoring()
            foreground("Scoring", scoring, lambda: predictions.score_customers(run_id=scoring.pk, follow=False))
            scoring.refresh_from_db()
            return result | predictions.scoring_json(scoring)
