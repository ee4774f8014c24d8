"""The versions that robotmeta is tested with. A test compares them with ``constraints.txt``."""

from __future__ import annotations

TESTED = {
    "torch": "2.13.0",
    "mujoco": "3.17.0",
    "dm-control": "1.0.50",
    "gymnasium": "1.4.0",
    "gymnasium-robotics": "1.4.2",
    "numpy": "2.4.6",
    "scipy": "1.17.1",
    "imageio": "2.38.1",
    "pillow": "13.0.0",
    "matplotlib": "3.11.2",
    "jinja2": "3.1.6",
    "tyro": "1.0.17",
    "rich": "14.3.4",
    "safetensors": "0.8.0",
    "tensorboard": "2.21.0",
    "packaging": "26.4",
    "mujoco-warp": "3.17.0",
    "warp-lang": "1.19.0",
    "viser": "1.1.1",
    "onnx": "1.23.2",
    "onnxscript": "0.7.2",
    "pyarrow": "26.0.1",
    "nbclient": "0.11.0",
    "ipykernel": "7.4.0",
    "envpool": "1.2.5",
    "stable-baselines3": "2.9.2",
}
