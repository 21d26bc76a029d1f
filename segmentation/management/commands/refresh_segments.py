"""``manage.py refresh_segments --tenant SLUG [--k N] [--features NAME …] [--json]``"""

from __future__ import annotations

from core.console import JobCommand, foreground
from segmentation import selectors, services
from tenants.company import company


class Command(JobCommand):
    help = "Divide the company's customers into segments anew; names follow the customers from the division before."

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--k", type=int, help="how many segments; as many as are in use where it is not said")
        parser.add_argument("--features", nargs="+", default=[], metavar="NAME", help="columns to group by")

    def run_in_company(self, *, tenant, k, features, **_) -> dict[str, object]:
        with company(tenant):
            run = services.open_run(k=k, features=features)
            foreground("Dividing", run, lambda: services.refresh_segments(run_id=run.pk, follow=False))
            return services.segmentation_json(selectors.current_run())

    def say(self, result: dict[str, object]) -> None:
        for segment in result["segments"]:
            self.stdout.write(
                f"{segment['label']:<4}{segment['size']:>10,}  {segment['percentage']:>5} %  {segment['persona']}: {segment['portrait']}"
            )
        advice = result["advice"] or {}
        verdict = {
            "clusters": f"The data speaks for {advice.get('k')} segments.",
            "no_clusters": "There are no clusters worth the name.",
            "too_few": "Too few customers to say how many groups there are.",
        }.get(advice.get("verdict", ""), "")
        if verdict:
            self.stdout.write(verdict)
