"""What a calibration would read of its institutions: for whoever wrote the tables, before a fit."""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.calibration.study import Study
from lpm_secure.report.page import Page, Plot
from protocols.report import html

BLUE, RED = "#4477aa", "#ee6677"
COLUMNS: Final = 4
CROWDED: Final = 1.02  # shares of one place, added up over institutions
Rows = list[dict[str, Any]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class SeriesCheck:
    """A study as its author looks over it.

    Attributes:
        study: that a calibration would fit.
    """

    study: Study

    @property
    def summary(self) -> list[tuple[str, str]]:
        """Return what was read, by name."""
        study, data = self.study, self.study.data
        calendar, people = data.calendar, data.places.people.sum(axis=1)
        places = ", ".join(f"{name} {count:,.0f}" for name, count in zip(data.places.places, people, strict=True))
        each = f"{calendar.days} days each" if calendar.days > 1 else "of a day each"
        last = calendar.first_day(calendar.count)
        public, kinds = data.events_a_day, {"fitted": study.fitted, "forecast": study.ahead}
        return [
            ("data", data.title),
            ("series", data.quantity or "the only one"),
            ("periods", f"{calendar.count}, {each}, from {calendar.start} to before {last}"),
            *((name, f"{count} periods") for name, count in kinds.items()),
            ("places", f"{places} people"),
            ("groups", ", ".join(data.places.groups) or "none: people are all alike"),
            ("public", "none" if public is None else f"{np.isfinite(public).sum()} periods known"),
        ]

    @property
    def institutions(self) -> Rows:
        """Return a row for each institution: what is known of it in the fitted periods, and after them."""
        data, w, rows = self.study.data, self.study.fitted, []
        for name, label, series, share in zip(data.names, data.labels, data.series, data.share, strict=True):
            known = np.flatnonzero(series.known)
            first, last = (str(data.calendar.first_day(int(known[end]))) if known.size else "" for end in (0, -1))
            seen = [f"{place} {part:.3g}" for place, part in zip(data.places.places, share, strict=True) if part > 0]
            rows.append(
                {
                    "institution": label if label == name else f"{label} ({name})",
                    "places": ", ".join(seen),
                    "first": first,
                    "last": last,
                    "exact": int(np.isfinite(series.exact[:w]).sum()),
                    "censored": int(series.censored[:w].sum()),
                    "missing": int((~series.known[:w]).sum()),
                    "kept back": int(series.known[w:].sum()),
                    "largest": float(np.nanmax(series.most)) if known.size else "",
                }
            )
        return rows

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what may not be as it was meant, a line each."""
        data, lines = self.study.data, list(self.study.data.notices)
        for label, series in zip(data.labels, data.series, strict=True):
            if not series.known[: self.study.fitted].any():
                lines.append(f"institution {label} has no value in the fitted periods, and teaches nothing")
        for place, total in zip(data.places.places, data.share.sum(axis=0).tolist(), strict=True):
            if not 0 < total <= CROWDED:
                lines.append(f"the shares of {place} add up to {total:.3g} over all institutions")
        return tuple(lines)

    @property
    def page(self) -> Page:
        """Return summary, warnings and institutions, with a plot of each series."""
        parts = [
            html.table(self.summary),
            html.heading("Warnings"),
            html.items(self.warnings or ("none",)),
            html.heading("Institutions"),
            html.records(self.institutions),
        ]
        return Page(f"What is read in {self.study.data.title}", [*parts, Plot(self._figure())])

    def _figure(self) -> Any:
        data, periods = self.study.data, list(self.study.periods)
        rows = -(-len(data.labels) // COLUMNS)
        figure = make_subplots(rows=rows, cols=COLUMNS, subplot_titles=data.labels, vertical_spacing=0.3 / rows)
        for index, series in enumerate(data.series):
            place = {"row": index // COLUMNS + 1, "col": index % COLUMNS + 1}
            hidden = np.where(series.censored, series.most, np.nan)
            for values, colour in ((series.exact, BLUE), (hidden, RED)):
                marker = {"color": colour, "size": 4}
                figure.add_trace(go.Scatter(x=periods, y=values.tolist(), mode="markers", marker=marker), **place)
        figure.update_layout(height=190 * rows + 60, template="plotly_white", showlegend=False)
        return figure
