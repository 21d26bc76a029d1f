from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentationConfig(AppConfig):
    name = "segmentation"
    verbose_name = _("Segmentation")

    def ready(self) -> None:
        from core.signals import job_buried

        from .services import members

        job_buried.connect(members.forget_buried, dispatch_uid="segmentation.forget_buried")
