"""A Modal app: the base kit is baked into the image, what else a deployment names comes when its container starts."""

import os
import subprocess

import modal

MODELS_ROOT = "/comfyui/models"
# Baked in: small, and the same for everybody. Its files are proven once, while the image is built.
IMAGE_KIT = os.environ.get("IMAGE_KIT", "sd15")

image = (
    modal.Image.debian_slim()
    .apt_install("nodejs", "npm")
    .run_commands(
        "npm install --global modelferry",
        f"models sync --kit {IMAGE_KIT} --root {MODELS_ROOT}",
    )
)
app = modal.App("comfyui", image=image)


@app.cls(gpu="L40S", secrets=[modal.Secret.from_name("huggingface")])
class Worker:
    @modal.enter()
    def start(self) -> None:
        # BASE_MODEL_KIT may name another kit than the image has; what the image has already costs no request.
        kit = os.environ.get("BASE_MODEL_KIT", IMAGE_KIT)
        root = os.environ.get("MODELS_ROOT", MODELS_ROOT)
        subprocess.run(["models", "sync", "--kit", kit, "--root", root], check=True)
        subprocess.run(["models", "check", "--kit", kit, "--root", root], check=True)

    @modal.method()
    def run(self, prompt: str) -> str:
        return f"ready to draw {prompt}"
