# syntax=docker/dockerfile:1
# Image of the harness:
#
#     docker build --tag classifier-benchmark .
#     docker run --rm --init --shm-size=2g --volume reports:/home/harness/reports classifier-benchmark --all
#
# The Linux builds of PyTorch run on CPUs and on NVIDIA GPUs. To use GPUs, add --gpus all to docker run.
# For a smaller image, which has no CUDA, name PyTorch's index of CPU builds: --build-arg TORCH_INDEX=URL
#
# Ray keeps its objects in shared memory, which Docker limits to 64 MB unless --shm-size says more.
# `docker stop --time 60` interrupts a run as Ctrl-C does and gives it time to write a partial report.
ARG PYTHON_VERSION=3.13
FROM python:${PYTHON_VERSION}-slim

# Package index that is searched for PyTorch besides; empty for the usual one alone.
ARG TORCH_INDEX=""

WORKDIR /opt/harness
# The pattern matches requirements.lock where `make lock` has written one, and nothing otherwise.
COPY pyproject.toml README.md LICENSE requirements.loc[k] ./
COPY harness ./harness
COPY architectures ./architectures
COPY configs ./configs
RUN --mount=type=cache,target=/root/.cache/pip \
    touch requirements.lock \
    && python -m pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} --constraint requirements.lock .

RUN useradd --create-home --uid 1000 harness && install --directory --owner=1000 --group=1000 /home/harness/reports
USER 1000:1000
WORKDIR /home/harness
VOLUME /home/harness/reports

ENTRYPOINT ["python", "-m", "harness.run"]
CMD ["--all"]
