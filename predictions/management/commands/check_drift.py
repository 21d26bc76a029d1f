"""``manage.py check_drift --tenant SLUG [--json]``"""

from core.console import JobCommand, foreground
from predictions import services
from predictions.models import DriftReport
from tenants.company import company


class Command(JobCommand):
    help = "Compare today's customers with those that the model in charge learned from, and estimate how good it is on them."

    def run_in_company(self, *, tenant, **_) -> dict[str, object]:
        with company(tenant):
            report = services.require_check()
            foreground("Checking", report, lambda: services.check_drift(report_id=report.pk))
            return services.drift_json(DriftReport.objects.select_related("version").get(pk=report.pk))
