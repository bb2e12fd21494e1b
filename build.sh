#!/usr/bin/env bash
# The tests, and then the image webmon:1.0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

./test.sh
docker build . -t webmon:1.0
