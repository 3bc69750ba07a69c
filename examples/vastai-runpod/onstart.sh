#!/usr/bin/env bash
# The on-start script of a VastAI or RunPod box: weights first, then whatever the box is for.
#
#   BASE_MODEL_KIT    kits, comma separated                              PRELOAD_WORKFLOW  workflow files
#   MODELS_ROOT       the models folder (default /workspace/ComfyUI/models)
#   HF_TOKEN          for gated models
#
# Usage: onstart.sh [command ...]   the command runs only when every model is present.
set -euo pipefail

export MODELS_ROOT="${MODELS_ROOT:-/workspace/ComfyUI/models}"
export BASE_MODEL_KIT="${BASE_MODEL_KIT:-flux-schnell}"

command -v models >/dev/null || npm install --global modelferry

# A box that was stopped or killed half-way resumes; a box that has everything starts in well under a second.
models sync
models check --strict --quiet

if [ "$#" -gt 0 ]; then
  exec "$@"
fi
