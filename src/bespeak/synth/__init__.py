"""A made-up shop of any size, with its dirt, and the truth about both kept apart."""

from bespeak.synth.build import Made, summary, synthesise
from bespeak.synth.files import File
from bespeak.synth.plan import Plan

__all__ = ["File", "Made", "Plan", "summary", "synthesise"]
