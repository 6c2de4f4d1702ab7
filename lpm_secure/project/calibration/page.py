"""The pages of a calibration's kits: what institutions and centre will be asked and told, in plain words."""

from typing import Final

from lpm_secure.project.calibration.project_file import CalibrationProject
from lpm_secure.project.page import page_words
from protocols.report.disclosure import cost_words
from protocols.report.manifest_page import rows_of
from protocols.report.terminal import align
from protocols.task.secure_sum.spec import SecureSum

CLIENT: Final = """\
# {name} in the calibration {run}

You are asked to fit a model together with other institutions, in a run of {operator}. Your series stays in this folder.
In each of {rounds} rounds the centre says what it expects in every place and period; your program answers how your
series would have it otherwise, a gradient, clipped to a norm of {clip}. What travels is split between servers of
other operators, none of which can read its part alone; only the sum over at least {cohort} institutions is opened.

## What will be learned

When the run is over, its report will say:

> {disclosure}

{cost} Without noise a sum over many rounds is no promise: whoever knows all institutions but one can subtract. Visible
to all parties: that you take part, when your machine is late, and the manifest.

## What to do

Each command is one line; `lpm` stands for `python3 -m client_sdk` where the small installation is all you have.

1. Make your keys here: `lpm enrol .` Hand `{name}.request` to {operator}. Nothing else in this folder is for anybody.
2. Put `series.csv` here, `chmod 600`. Say in `config.toml` how it calls things, and what you see of each place.
3. Read `policy.toml`, line by line, and change what you do not allow.
4. Put what {operator} sends back here: `{name}.enrolled`, `manifest.json`, `manifest.sig`; and the signature of each
   server's operator, `manifest.SERVER.sig`.
5. `lpm doctor .` says what is still wrong. `./start`, or `lpm start .`, checks the same, and then takes part. To start
   is to consent: `consent-1.json` is your signed record of it. {back}

At home you then have `forecast.csv`, your series with bands, fitted and forecast, and `course.csv`, what was
published of each place: bands over the draws of the last rounds. Nobody else has the first.

Other files of this folder: `kit.toml`, whose it is; `{name}.invitation`, for step 1; `start`,
`lpm-{name}.service`, `Dockerfile` and `compose.yml`, ways to start; `credentials`, your keys; `summary.json`, bytes
sent and rounds missed; and what the program goes on from when it is started again, `*.lock`, `sum-*.key` and
`masking-*`: leave these until the run is over. Leave `*.step` as long as the manifest is valid: by it the program
refuses servers that play the run once more.

## Your table

`series.csv`, a row for each period of {days} days from {start} on, {fitted} of which are fitted:

| column | what it is |
|---|---|
| date | any day of the period{daily} |
| value | a number; `<5` below 5; `1..3` between two; nothing where it is missing, as is a period without a row |
| series | where there are several in the table: {quantity} |
| institution | where the table is of several: `institution` in `config.toml` says whose rows are yours |

What is expected is counted as {measure}, and your series follows it by the law `{law}`, whose second parameter and your
own size your program learns; both stay here.

## All that the run says of itself

The manifest that you get back, signed, has these fields; `lpm manifest show manifest.json` prints them.

```
{fields}
```
"""
CENTRE: Final = """\
# The centre of the calibration {run}

{operator} asks {own} to run its engine, which is the centre of the calibration: in each of {rounds} rounds it
publishes what it expects in every place and period by {draws} draws of the posterior, and learns the sum of what
institutions answer. It learns nothing of one institution.

## What to do

1. Make the engine's keys here: `lpm enrol .` Hand `engine.request` to {operator}.
2. Read `engine.toml`: model, priors and periods, and the tables of places, which are public.
3. Put what comes back here: `engine.enrolled`, `manifest.json`, `manifest.sig`.
4. `lpm doctor .` says what is wrong. `./start`, or `lpm start .`, checks the same, waits for the servers, and fits
   to the end. Killed and started again it goes on to the same bits. `results` then has posterior, forecast and report.

Other files of this folder: `kit.toml`, whose it is; `start`, `lpm-engine.service`, `Dockerfile` and `compose.yml`, ways
to start; `credentials`, the engine's keys; the tables of places that `engine.toml` names, `places.*`, `contacts.*`,
`movement.*` and `public.*`.

## What the institutions are told of the run

> {disclosure}
"""
MEASURES: Final = {"events": "events in a period", "present": "how many are there, on average over a period"}
BACK: Final = {
    "semi-honest": "Ended and started again, it goes on.",
    "active": "An institution that is away in one round is out of this run, and one that is ended does not come back.",
}


def institution_page(project: CalibrationProject, manifest: SecureSum, name: str) -> str:
    """Return the page of an institution's kit."""
    table = project.calibration
    daily = "" if table.combine is None else f"; all of them, whose {table.combine} is the period's value"
    words = {
        "rounds": f"{manifest.rounds:,}",
        "clip": f"{manifest.norm:g}",
        "cohort": f"{manifest.min_cohort:,}",
        "cost": cost_words(manifest),
        "back": BACK[manifest.security],
        "days": str(table.period_days),
        "start": str(table.start),
        "fitted": str(table.fit_periods),
        "daily": daily,
        "quantity": table.quantity or "the only one",
        "measure": MEASURES[table.model.measure],
        "law": table.observation.likelihood,
        "fields": "\n".join(align([row for row in rows_of(manifest) if row[0] not in {"run", "trust"}])),
    }
    return CLIENT.format(**page_words(project, manifest, name), **words)


def centre_page(project: CalibrationProject, manifest: SecureSum) -> str:
    """Return the page of the centre's kit."""
    words = {"own": project.engine.operator, "rounds": f"{manifest.rounds:,}", "draws": str(manifest.shape[0])}
    return CENTRE.format(**page_words(project, manifest, "engine"), **words)
