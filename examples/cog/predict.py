"""A cog predictor whose weights are on the disk, and proven, before it accepts its first prediction."""

import json
import os
import subprocess
import tempfile

from cog import BasePredictor, Input

# Both commands take what to bring from BASE_MODEL_KIT and PRELOAD_WORKFLOW, and where to from MODELS_ROOT.
ENVIRONMENT = {"MODELS_ROOT": "/comfyui/models", "BASE_MODEL_KIT": "flux-schnell", **os.environ}


class Predictor(BasePredictor):
    def setup(self) -> None:
        # An exit code other than 0 ends the container here, with the reason in its log.
        subprocess.run(["models", "sync"], env=ENVIRONMENT, check=True)
        subprocess.run(["models", "check", "--strict"], env=ENVIRONMENT, check=True)

    def predict(self, workflow: str = Input(description="A ComfyUI workflow as JSON")) -> str:
        missing = missing_models(workflow)
        if missing:
            raise ValueError("This container lacks: " + "; ".join(missing))
        return "ready to run"


def missing_models(workflow: str) -> list[str]:
    """What the workflow needs and this box lacks: no network, milliseconds, so it can be asked before each run."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(workflow)
        file.flush()
        check = subprocess.run(
            ["models", "check", "--workflow", file.name, "--json"],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
    # 0: all here; 3: something is missing; anything else is an error that the log explains.
    if check.returncode not in (0, 3):
        raise RuntimeError(f"models check ended with {check.returncode}")
    models = json.loads(check.stdout)["models"]
    return [f"{model['path']} ({model['status']})" for model in models if model["status"] not in ("present", "unverified")]
