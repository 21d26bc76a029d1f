"""``manage.py score_customers --tenant SLUG [--json]``"""

from core.console import JobCommand, foreground
from predictions import services
from tenants.company import company


class Command(JobCommand):
    help = "Score every customer of the company with the model in charge."

    def run_in_company(self, *, tenant, **_) -> dict[str, object]:
        with company(tenant):
            run = services.require_scoring()
            foreground("Scoring", run, lambda: services.score_customers(run_id=run.pk))
            run.refresh_from_db()
            return services.scoring_json(run)
