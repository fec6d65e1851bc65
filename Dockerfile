# syntax=docker/dockerfile:1
# Image of the harness, for the CPU by default:
#
#     docker build --tag classifier-benchmark .
#     docker run --rm --init --shm-size=2g --volume reports:/home/harness/reports classifier-benchmark --all
#
# For NVIDIA GPUs, take PyTorch from PyPI, whose Linux wheels include CUDA, and hand the GPUs to the container:
#
#     docker build --tag classifier-benchmark:gpu --build-arg TORCH_INDEX=https://pypi.org/simple .
#     docker run --gpus all ...
#
# Ray keeps its objects in shared memory, which Docker limits to 64 MB unless --shm-size says more.
# `docker stop --time 60` interrupts a run as Ctrl-C does and gives it time to write a partial report.
ARG PYTHON_VERSION=3.13
FROM python:${PYTHON_VERSION}-slim

# Package index that is searched for PyTorch in addition to PyPI.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /opt/harness
# The pattern matches requirements.lock where `make lock` has written one, and nothing otherwise.
COPY pyproject.toml README.md LICENSE requirements.loc[k] ./
COPY harness ./harness
COPY architectures ./architectures
COPY configs ./configs
RUN --mount=type=cache,target=/root/.cache/pip \
    touch requirements.lock \
    && python -m pip install --extra-index-url "${TORCH_INDEX}" --constraint requirements.lock .

RUN useradd --create-home --uid 1000 harness && install --directory --owner=1000 --group=1000 /home/harness/reports
USER 1000:1000
WORKDIR /home/harness
VOLUME /home/harness/reports

ENTRYPOINT ["python", "-m", "harness.run"]
CMD ["--all"]
