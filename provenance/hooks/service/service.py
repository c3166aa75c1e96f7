"""What the handlers of requests share."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from provenance.audit.index import Index
from provenance.banking.lookup import LookUp
from provenance.engine.config import RunConfig
from provenance.hooks.brake import HourBrake
from provenance.hooks.media import MediaFrom
from provenance.hooks.service.body import Bodies
from provenance.hooks.service.checks import Checks
from provenance.hooks.service.guards import Guards
from provenance.hooks.service.metrics import Metrics
from provenance.hooks.service.readiness import Readiness
from provenance.hooks.service.reports import Reports
from provenance.hooks.service.tokens import Sessions
from provenance.record import Risk
from provenance.render import RenderOptions
from provenance.render.words import Words


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service that runs."""

    config: RunConfig
    """Detectors, options, policy, banks."""
    checks: Checks
    bodies: Bodies
    media: MediaFrom
    """Opens what requests name."""
    lookup: LookUp
    """The banks of the configuration."""
    hma_names: Mapping[str, str]
    """Name of a bank → what clients of Hasher-Matcher-Actioner call it, where they call it else."""
    records: Index | None
    """Finds what was decided before; None without an audit log."""
    metrics: Metrics
    readiness: Readiness
    guards: Guards
    brake: HourBrake | None
    look: RenderOptions
    """Language and policy of what people read."""
    words: Words
    """In that language."""
    deadline: float
    """Seconds for a request, once its body is here."""
    fail_on: Risk | None
    """From which risk on hooks reject; None: never."""
    on_error: Literal["accept", "reject"] | None
    """What hooks answer where there is no verdict; None: 503."""
    sessions: Sessions | None
    """Who was invited by `--open`; None: nobody."""
    reports: Reports | None
    """Decisions that are reported later; None: there is no secret to know by who asks."""
