"""Reads messages of webmon as the original's consumer does: lines of {"value": ...} in, with `fields` out.

    python3 tests/data/our-messages.py < values.jsonl > tests/data/our-messages.jsonl     (Python 3.11, PyYAML 6.0.3)
"""
import json
import sys

import yaml

for line in sys.stdin:
    value = json.loads(line)["value"]
    fields = yaml.load(value.encode(), Loader=yaml.FullLoader)
    print(json.dumps({"value": value, "fields": fields}, ensure_ascii=False, default=str))
