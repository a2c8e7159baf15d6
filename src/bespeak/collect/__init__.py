"""Sources as they are: found, read whatever their format, and mapped to the record."""

from __future__ import annotations

from bespeak.collect.conform import conform
from bespeak.collect.find import find, find_format, format_of, short_names
from bespeak.collect.leaving_out import leave_out
from bespeak.collect.mapping import check_mapping
from bespeak.collect.options import reading, settings
from bespeak.collect.propose import Guess, Proposal, propose
from bespeak.collect.quote import quote
from bespeak.collect.raw import RawFile, open_raw, open_refused
from bespeak.collect.stage import preview, stage
from bespeak.collect.topic_copies import TopicCopy, copy_topic, forget, topic_copies

__all__ = [
    "Guess",
    "Proposal",
    "RawFile",
    "TopicCopy",
    "check_mapping",
    "conform",
    "copy_topic",
    "find",
    "find_format",
    "forget",
    "format_of",
    "leave_out",
    "open_raw",
    "open_refused",
    "preview",
    "propose",
    "quote",
    "reading",
    "settings",
    "short_names",
    "stage",
    "topic_copies",
]
