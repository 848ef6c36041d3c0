"""Words by which a finding would become a verdict."""

import re

JUDGING = re.compile(r"\b(?:real|fake|fakes|deepfake|genuine|authentic|original|forged|manipulated|true|false|proof|proven)\b")
"""No table of sentences may hold one."""
