"""What bespeak.toml says of a Kafka topic: where it is, and how to be let in."""

from __future__ import annotations

import os
import re
from typing import Literal

import msgspec

from bespeak.errors import ConfigInvalid

TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
BROKER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
SCHEME = "kafka://"
OURS = frozenset(
    {
        "bootstrap.servers", "enable.auto.commit", "enable.auto.offset.store",
        "enable.partition.eof", "auto.offset.reset",
    }
)  # fmt: skip
"""Settings that would let something be lost or read twice, so nobody else makes them."""
_SECRET = re.compile(r"password|secret|token|\.pem$|oauthbearer\.config")


class FromEnvironment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that stands in the environment, lest a secret stand in a file."""

    environment: str


Setting = str | int | float | bool | FromEnvironment


class Kafka(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One topic; each of its messages is one JSON object."""

    topic: str
    brokers: list[str]
    """`host:port` of some of the cluster's brokers; they name the others."""
    settings: dict[str, Setting] = {}
    """The consumer's own (`"security.protocol" = "SASL_SSL"`), over those of bespeak."""
    gaps: Literal["stop", "go_on"] = "stop"
    """What a run does where the topic has removed messages before they were read."""


def of_address(given: str) -> Kafka:
    """The topic that `kafka://host:port,host:port/topic` names.

    raises : ConfigInvalid if it names none
    """
    brokers, _, topic = given.removeprefix(SCHEME).partition("/")
    asked = Kafka(topic=topic, brokers=brokers.split(","))
    if problems(asked):
        raise ConfigInvalid(
            "the address of a topic can't be read",  # there may be a password in it
            expected=f"{SCHEME}host:port/topic",
            next_step="How to be let in is said in bespeak.toml: see docs/kafka.md.",
        )
    return asked


def problems(kafka: Kafka) -> list[str]:
    """What is wrong with it that types can't say; never a setting's value."""
    found = []
    if TOPIC.fullmatch(kafka.topic) is None:
        found.append(f"kafka.topic: found `{kafka.topic}`, expected letters, digits, `.`, `_`, `-`")
    if not kafka.brokers or not all(BROKER.fullmatch(broker) for broker in kafka.brokers):
        found.append('kafka.brokers: expected addresses like ["kafka-1:9092"]')
    found += [
        f"kafka.settings: `{name}` is bespeak's to set"
        for name in sorted(OURS & kafka.settings.keys())
    ]
    return found


def settings(kafka: Kafka, source: str) -> tuple[dict[str, str | int | float | bool], list[str]]:
    """The settings with what the environment holds, and those values that nobody may see.

    raises : ConfigInvalid, naming the variable that is not set
    """
    plain: dict[str, str | int | float | bool] = {}
    secrets = []
    for name, value in kafka.settings.items():
        if not isinstance(value, FromEnvironment):
            plain[name] = value
            if _SECRET.search(name) and str(value):
                secrets.append(str(value))
            continue
        held = os.environ.get(value.environment)
        if not held:
            raise ConfigInvalid(
                f"source `{source}`: kafka.settings: `{name}` is to stand in the environment's"
                f" {value.environment}",
                found="nothing there",
                next_step="Set it where bespeak runs.",
            )
        plain[name] = held
        secrets.append(held)
    return plain, secrets
