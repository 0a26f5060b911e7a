"""The kill-switch panel: what each switch is wanted, claimed and seen to be, and the sheet that moves one."""

from console.ui.switches.panel import SwitchesPanel

__all__ = ["SwitchesPanel"]
