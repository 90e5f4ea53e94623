#!/usr/bin/env bash
# PersonaLoom from top to bottom: the same conversations at four levels of noise, compared in one report.
#
#   ./multirun.sh                                          simulated model, no key, about a minute
#   ./multirun.sh num_personas=8                           any override of run.py
#   ./multirun.sh llm=gpt4o num_personas=200 seed=1,2,3    a real model, and three replicates of each level
#   ./multirun.sh distractor=none,placebo,moderate         other levels
#
# It makes its own environment on first use (VENV=DIR or PYTHON=python3.12 choose another one) and works from any
# folder; data go to ./outputs, in the folder that you call it from (output_dir=DIR chooses another).
# Run it again after a kill, and it goes on: what was made or paid for is not made or paid for again.
set -euo pipefail
root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"

for word in "$@"; do
  if [[ $word == -h || $word == --help ]]; then
    sed -n '2,/^set -/{/^set -/d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"
    echo "Exit code: 0 all levels are done, 1 a job failed (the others keep their data), 2 the command is wrong."
    echo "All overrides: python run.py --help"
    exit 0
  fi
done

# 1. The environment: the one that "make run" uses, made in the same way by whichever comes first. (Not by calling make,
#    which cannot handle folders with a blank in their names.)
venv="${VENV:-$root/.venv}"
[[ $venv == /* ]] || venv="$PWD/$venv"
if [[ ! -e $venv/.installed || $root/pyproject.toml -nt $venv/.installed ]]; then
  python="${PYTHON:-python3}"
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "PersonaLoom needs Python 3.11 or newer: PYTHON=python3.11 $0" >&2
    exit 2
  fi
  [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
  echo "installing into $venv, once: about a minute" >&2
  (cd "$root" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]' >&2)
  touch "$venv/.installed"
fi

# 2. The sweep: the levels differ in noise and in nothing else. Personas, queries and every turn before the first noisy
#    message are the same, and replies are shared, so that a level pays only for what it changes.
levels=(distractor=none,light,moderate,heavy)
for word in "$@"; do
  [[ $word == distractor=* ]] && levels=()
done

# 3. At its end the sweep writes the comparison (report, figures, tables), logs it to MLflow, and prints the command that
#    opens MLflow on it, with links to the table, the charts, the samples side by side and the runs compared.
exec "$venv/bin/python" "$root/run.py" -m ${levels[@]+"${levels[@]}"} "$@"
