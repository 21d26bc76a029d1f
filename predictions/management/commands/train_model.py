"""``manage.py train_model --tenant SLUG [--json]``"""

from core.console import JobCommand, foreground
from predictions import selectors, services
from tenants.company import company


class Command(JobCommand):
    help = "Learn who leaves from the company's customers, and store the version with its measures."

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--seed", type=int, default=0)

    def run_in_company(self, *, tenant, seed, **_) -> dict[str, object]:
        with company(tenant):
            run = services.open_training(seed=seed)
            foreground("Training", run, lambda: services.train_model(run_id=run.pk))
            return {"model": services.model_json(selectors.version_of(run))}
