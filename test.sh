#!/usr/bin/env bash
# All tests: formatter and linter, compiler, build, and the tests on real servers. Arguments go to vitest, for example
#   ./test.sh tests/config.test.ts      ./test.sh -t 'unknown key'
#
# WEBMON_TEST_REPORT     a file that gets vitest's report as JSON
# WEBMON_TEST_COMPLETE   if set, a test that is skipped because a tool is missing counts as failed
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export PATH="$PWD/node_modules/.bin:$PATH"

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
report=${WEBMON_TEST_REPORT:-$temporary/report.json}
rm -f "$report"

passed=()
failed=()

# A check that fails does not keep the next ones from running: one run tells everything.
check() {
  local what=$1
  shift
  echo "== $what"
  if "$@"; then passed+=("$what"); else failed+=("$what"); fi
}

# npm writes this file last, so an install that was cut short counts as missing.
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
  check 'npm ci' npm ci
fi
check 'formatter and linter' biome check .
check 'types' tsc --noEmit
check 'build' tsc -p tsconfig.build.json
echo '== tests'
vitest_code=0
vitest run --reporter=default --reporter=json --outputFile.json="$report" "$@" || vitest_code=$?

# Counts the tests, names what failed, and tells in one line per tool which tests were skipped for lack of it.
# A test belongs to the tool that its title, or a title around it, names.
echo
node - "$report" "$vitest_code" "${#passed[@]}" ${failed[@]+"${failed[@]}"} -- "$@" <<'JS'
const { existsSync, readFileSync } = require('node:fs')
const path = require('node:path')
const [report, vitestCode, checksPassed, ...rest] = process.argv.slice(2)
const checksFailed = rest.slice(0, rest.indexOf('--'))
const asked = rest.slice(rest.indexOf('--') + 1)
const tools = [
  ['tmpfs', 'root, on a Linux that lets it mount'],
  ['PyYAML', 'python3 -m pip install pyyaml'],
  ['PgBouncer', 'apt-get install pgbouncer'],
  ['faketime', 'apt-get install faketime'],
  ['promtool', 'apt-get install prometheus'],
  ['Prometheus', 'apt-get install prometheus'],
  ['pg_dump', 'apt-get install postgresql'],
  ['systemd-analyze', 'apt-get install systemd'],
  ['Chromium', 'apt-get install chromium'],
  ['Docker', 'https://docs.docker.com/engine/install/'],
]

const files = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).testResults : []
const failed = checksFailed.map((what) => `failed: ${what}`)
const skipped = new Map()
let passed = Number(checksPassed)
for (const file of files) {
  const name = path.relative('.', file.name)
  const failures = file.assertionResults.filter((test) => test.status === 'failed')
  for (const test of failures) failed.push(`failed: ${name}: ${test.fullName}`)
  // An import or a hook failed: what depends on it is reported as skipped.
  if (file.status === 'failed' && failures.length === 0) failed.push(`failed: ${name}: ${file.message.split('\n')[0]}`)
  for (const test of file.assertionResults) {
    if (test.status === 'passed') passed++
    if (test.status !== 'skipped' || file.status === 'failed') continue
    const tool = tools.find(([word]) => test.fullName.toLowerCase().includes(word.toLowerCase()))
    const reason = tool ? `for lack of ${tool[0]} (${tool[1]})` : `(${name}: ${test.fullName})`
    skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  }
}
// No report, no test at all, or an error outside of any test.
if (vitestCode !== '0' && failed.length === checksFailed.length) failed.push(`failed: vitest, exit code ${vitestCode}`)
// A chosen title skips all others: that says nothing about tools.
if (!asked.some((argument) => /^(-t|--testNamePattern)/.test(argument))) {
  for (const [reason, count] of skipped) {
    const line = `skipped: ${count} ${count === 1 ? 'test' : 'tests'} ${reason}`
    // A test also skips itself where the machine is too busy to tell: that is no missing tool.
    if (process.env.WEBMON_TEST_COMPLETE && reason.startsWith('for lack of')) failed.push(`failed, because ${line}`)
    else console.log(line)
  }
}
for (const line of failed) console.log(line)
console.log(`${passed} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
JS
