"""Composes the desk with its window: `run` for whoever brings a desk along, `run_desk` for the root command.

The window is painted first; whatever an `Opening` does runs afterwards on a worker, so that it may take its time. With
`console.commands` this is the only place that puts layers together.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.domain.errors import ConsoleError, EnvironmentFault

if TYPE_CHECKING:
    from console.config import ProbeTable
    from console.policy import Policy
    from console.runtime.desk import Desk
    from console.ui.first_run import Answers, FirstRun
    from console.ui.frame import Frame
    from console.ui.program import Program
    from console.ui.session import Session

Prepare = Callable[["Desk"], None]
"""Must be called with the desk before it starts, so that the window hears of everything."""

NO_QT = (
    "The window needs Qt, which cannot be loaded here ({}); run `incident-console doctor` to see what is missing, or "
    "`incident-console demo --headless`."
)
NO_DISPLAY = (
    "There is no display here, so the desk's window cannot be shown; log in to a desktop, or run "
    "`incident-console demo --headless`."
)

WHO_IS_IT = (
    "Several people share this desk and nobody has signed in yet. Sign in (Ctrl+Shift+I) to write or to command."
)
OPEN_S = 30.0
NOT_OPENED = "There is nothing to show: the desk could not be opened. Mend what the notice says, then start it again."


@dataclass(frozen=True)
class Opening:
    """How a desk comes to its window. The callables run after the first paint, on a worker, in the order of the fields.

    `desk(prepare)` makes the desk, calls `prepare(desk)`, starts the desk and returns it. `guide(frame)` runs on the
    main thread when the window has its frame: the demo says there what to press first. `close` runs last of all, after
    the desk has stopped, also when the opening failed. `exercise` None means that the world is not known before.
    """

    desk: Callable[[Prepare], Desk]
    session: Callable[[Desk], Session]
    policy: Callable[[], Policy]
    guide: Callable[[Frame], None] | None = None
    close: Callable[[], None] | None = None
    exercise: bool | None = None
    waiting: str = "Opening the record ..."
    """What the incident bar says meanwhile."""
    layout_folder: Path | None = field(default=None)
    """Where the layout is kept; None keeps none, as the demo does."""
    log_folder: Path | None = field(default=None)


def run(opening: Opening) -> int:
    """Opens the window on `opening` and returns when it was closed: the exit code.

    Raises EnvironmentFault without Qt or a display, and afterwards what the opening raised: the window says it, too.
    """
    program_class = window_program()
    faults: list[BaseException] = []

    def begin() -> None:
        program.window.bar.title.setText(opening.waiting)
        open_in(program, opening, faults.append)

    program = program_class(opening.exercise, opening.layout_folder, opening.log_folder, begin)
    code = int(program.run())
    if faults and program.frame is None:
        raise faults[0]
    return code


def open_in(program: Program, opening: Opening, failed: Callable[[BaseException], None]) -> None:
    """Opens the desk on a worker and gives it to the window; `failed` gets what went wrong, after it was said."""
    bridge = program.bridge
    assert bridge is not None  # made before anything is opened
    if opening.close is not None:
        program.at_the_end(opening.close)

    def prepare(desk: Desk) -> None:
        bridge.listen_to(desk)
        program.holds(desk)

    def work() -> tuple[Desk, Session, Policy]:
        desk = opening.desk(prepare)
        found = desk, opening.session(desk), opening.policy()
        warm_up()
        return found

    def then(found: tuple[Desk, Session, Policy]) -> None:
        frame = program.open(*found)
        if found[0].read_only:
            program.notices.say(found[0].read_only, "warning")
        if opening.guide is not None:
            opening.guide(frame)

    def on_failed(error: BaseException) -> None:
        from console.ui.bridge import sentence_of

        program.notices.say(sentence_of(error), "error")
        program.window.bar.title.setText("The desk could not be opened.")
        program.window.say_in_panels(NOT_OPENED)
        failed(error)

    bridge.work(work, owner=program.window, then=then, failed=on_failed)


def warm_up() -> None:
    """Imports the panels on the worker, so that the window is not deaf while it happens; faults wait for the window."""
    from console.ui.panels import PANELS

    for spec in PANELS:
        with contextlib.suppress(Exception):  # said in the panel's own place, when it is made
            spec.load()


def window_program() -> Any:
    """The class of the running window; raises EnvironmentFault without Qt or a display."""
    if not has_display():
        raise EnvironmentFault(NO_DISPLAY)
    try:
        from console.ui.program import Program
    except ImportError as error:
        raise EnvironmentFault(NO_QT.format(error)) from error
    from console.ui import qt_messages

    qt_messages.install()
    return Program


def has_display() -> bool:
    """Whether a window could be shown: a screen of this system, or a platform that was named on purpose."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run_desk(store: Path | None = None, plane: str | None = None) -> int:
    """The desk of this machine: settings, a page for what is missing at the first start, then the window.

    `store` and `plane` win over the settings. Raises EnvironmentFault without Qt or a display, SettingsError for a
    settings file that cannot be used.
    """
    program_class = window_program()
    from console import paths

    own: list[OwnDesk] = []

    def begin() -> None:
        own.append(OwnDesk(program, store, plane))
        own[0].begin()

    program = program_class(None, paths.config_dir(), paths.log_dir(), begin)
    return int(program.run())


class OwnDesk:
    """What belongs to this person and machine: settings, the desk's keys, the page that asks for what is missing.

    Lives on the main thread; what takes time runs on the bridge's workers.
    """

    def __init__(self, program: Program, store: Path | None, plane: str | None) -> None:
        from console import config, paths

        self._program = program
        self._fault, self._shared = "", False
        try:
            self._settings = config.load(paths.settings_file())
        except config.SettingsError as error:
            self._settings, self._fault = config.Settings(), error.sentence
        self._folder = store or self._settings.store or paths.store_dir()
        self._plane = self._settings.plane or "" if plane is None else plane
        self._verify: bool | str = str(self._settings.plane_ca) if self._settings.plane_ca is not None else True
        self._page: FirstRun | None = None

    def begin(self) -> None:
        """Asks for what is missing, or opens the desk at once."""
        from console.remote.identity_store import SEALED_FILE
        from console.remote.membership import has_person_key
        from console.ui.first_run import LOCKED, OWN_KEY, Answers

        name = self._settings.name
        if name and (self._folder / SEALED_FILE).is_file():
            self._ask(LOCKED)
        elif name and self._is_shared():
            self._open(Answers(name, self._plane))
        elif name and has_person_key(self._folder):
            self._ask(OWN_KEY)
        elif name:
            self._open(Answers(name, self._plane))
        else:
            self._ask()

    def _is_shared(self) -> bool:
        """Whether several people sit at this desk: then who it is today is asked once it is open."""
        from console.remote.desk_people import people_here

        with contextlib.suppress(ConsoleError):  # said when somebody wants to sign in
            self._shared = len(people_here(self._folder)) > 1
        return self._shared

    def _ask(self, locked: str = "") -> None:
        from console.ui.first_run import FirstRun

        window = self._program.window
        self._page = FirstRun(self._program.theme, self._settings.name or "", self._plane, locked, window)
        self._page.answered.connect(self._open)
        self._page.meeting_wanted.connect(self._meet)
        window.show_page(self._page, "Locked" if locked else "First start")
        window.bar.title.setText("This desk is locked." if locked else "No incident yet: who are you?")
        if self._fault:
            self._page.say(self._fault)
        self._page.first_focus()

    def _meet(self, answers: Answers) -> None:
        from console.runtime.joining import meeting_of

        bridge, page = self._program.bridge, self._page
        assert bridge is not None  # made before anything is asked
        assert page is not None
        bridge.work(
            partial(meeting_of, answers.plane, self._verify), owner=page, then=page.compare, failed=self._failed
        )

    def _open(self, answers: Answers) -> None:
        opening = own_opening(self._folder, answers, self._remember_joined, self._verify, self._settings.probe)
        open_in(self._program, replace(opening, guide=partial(self._opened, answers)), self._failed)

    def _opened(self, answers: Answers, frame: Frame) -> None:
        if self._page is not None:
            self._program.window.hide_page()
            self._page = None
            self._remember(answers)
        frame.session.idle_lock_s = self._settings.idle_lock_s or 0
        if self._shared and not frame.session.signed_in:
            frame.session.lock(WHO_IS_IT)  # nothing is written in the name of the one to whom the desk belongs
            frame.bridge.seat(frame.session.person, WHO_IS_IT)
            self._program.window.dispatcher.run("people.sign_in")
        kept = frame.session.kept
        if kept.startswith("in memory"):
            frame.notices.say(f"The keys of this desk are kept {kept}: the next start is another desk.", "warning")

    def _remember_joined(self, name: str, plane: str) -> None:
        """Called on a worker, when a desk that worked alone has joined."""
        from console import config, paths

        with contextlib.suppress(OSError, config.SettingsError):  # the membership in the folder says it as well
            config.remember(paths.settings_file(), name=name, plane=plane)

    def _remember(self, answers: Answers) -> None:
        from console import config, paths

        try:
            config.remember(paths.settings_file(), name=answers.name, plane=answers.plane)
        except (OSError, config.SettingsError) as error:
            self._program.notices.say(f"The settings could not be kept: {error}", "warning")

    def _failed(self, error: BaseException) -> None:
        from console.ui.bridge import sentence_of

        if self._page is None:
            self._ask()
        if self._page is not None:
            self._page.say(sentence_of(error))
            self._page.first_focus()


def own_opening(
    folder: Path,
    answers: Answers,
    remember_joined: Callable[[str, str], None] = lambda _name, _plane: None,
    verify: bool | str = True,
    probe: ProbeTable | None = None,
) -> Opening:
    """How the desk whose store lies in `folder` is opened for who answered; everything in it blocks.

    Answers with a plane that was compared have the desk enrolled first. `remember_joined(name, plane)` is called when
    a desk that worked alone joins later; `probe` says where the desk may look for itself. Raises what identity store,
    enrolment and store raise; Offline or InputError for a plane never met that does not answer.
    """
    from console.policy import default_path, load

    held: dict[str, Any] = {}

    def desk(prepare: Prepare) -> Desk:
        from console.remote.identity_store import SEALED_FILE, desk_identity
        from console.remote.kept_head import KeyringHead
        from console.remote.membership import has_person_key, membership, person_key
        from console.remote.sealed_file import WrongPassphrase
        from console.runtime.desk import Desk, DeskSettings
        from console.runtime.joining import bring_in, remember_met
        from console.runtime.probing import probe_settings

        held["policy"] = load(default_path())
        fresh = not (folder / SEALED_FILE).is_file()
        seal = answers.sealed or not fresh
        held["identity"] = identity = desk_identity(folder, passphrase=answers.passphrase if seal else "")
        if answers.met is not None:
            found = bring_in(
                folder, answers.met, answers.code, identity, answers.passphrase, verify, just_sealed=seal and fresh
            )
            held.update(identity=found.identity, key=found.key)
        elif answers.passphrase and has_person_key(folder):
            with contextlib.suppress(*(() if fresh else (WrongPassphrase,))):  # two passphrases: the key stays locked
                held["key"] = person_key(folder, answers.passphrase)
        held["member"] = member = membership(folder)
        plane = answers.plane or (member.plane.url if member is not None else "")
        met = member.plane if member is not None else None
        held["world"] = world = _World(met.exercise, met.origin) if met is not None else _world(folder, plane, verify)
        held["desk"] = made = Desk(
            DeskSettings(
                folder=folder, device_key=held["identity"].device_key, exercise=world.exercise,
                policy_hash=held["policy"].hash, plane_url=plane, verify=verify, second_window=True,
                head_keeper=KeyringHead(folder), probing=probe_settings(held["policy"].inventory, probe, verify),
            )
        )  # fmt: skip
        prepare(made)
        made.start(outside=False)
        try:
            if met is not None and not made.read_only:
                made.act(remember_met, met, now=made.settings.clock()).result(OPEN_S)
            made.go_outside()
        except BaseException:
            made.stop()
            raise
        return made

    def session(_: Desk) -> Session:
        from console.runtime.joining import DeskDoor
        from console.ui.session import Session

        identity, world, member = held["identity"], held["world"], held["member"]
        return Session(
            person=member.person if member is not None else f"local:{answers.name}", display_name=answers.name,
            exercise=world.exercise, roles=member.roles if member is not None else (), key=held.get("key"),
            evidence_identity=identity.evidence, origin=world.origin,
            kept=identity.kept + (f" ({identity.why})" if identity.why else ""),
            door=DeskDoor(held["desk"], identity, lambda found: remember_joined(answers.name, found.member.plane.url)),
        )  # fmt: skip

    return Opening(desk=desk, session=session, policy=lambda: held["policy"])


@dataclass(frozen=True)
class _World:
    """Exercise or production, and the origin that says so."""

    exercise: bool
    origin: str


def _world(folder: Path, plane: str, verify: bool | str) -> _World:
    """The world this store belongs to: as it met its plane before, else as the plane says; alone it is the live one."""
    from console.store.opening import record_path
    from console.store.readers import Reader
    from console.store.syncing import sync_position

    path = record_path(folder)
    if path.is_file():
        with Reader.open(path) as reader:
            met = sync_position(reader)
        if met.exercise is not None:
            return _World(met.exercise, met.origin)
    return _ask_plane(plane, verify) if plane else _World(False, "")


def _ask_plane(plane: str, verify: bool | str) -> _World:
    import secrets
    import time

    from console.proof.keys import SEED_BYTES, SigningKey
    from console.remote.plane_client import PlaneClient
    from console.remote.tokens import TokenKeeper
    from console.remote.wire import Wire

    nobody = TokenKeeper(SigningKey(secrets.token_bytes(SEED_BYTES)), lambda: secrets.token_hex(32))
    client = PlaneClient(Wire(plane, lambda: time.time_ns() // 1000, verify), nobody)
    try:
        answer = client.config().answer
    finally:
        client.close()
    return _World(answer.exercise, answer.origin)
