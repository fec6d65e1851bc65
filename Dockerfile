# syntax=docker/dockerfile:1
# Image of the harness:
#
#     docker build --tag classifier-benchmark .
#     docker run --rm --init --shm-size=2g --volume reports:/home/harness/reports classifier-benchmark --all
#
# The Linux builds of PyTorch run on CPUs and on NVIDIA GPUs. To use GPUs, add --gpus all to docker run.
# To install another build, for example one without CUDA, hand options to pip: --build-arg PIP_OPTIONS="..."
#
# Ray keeps its objects in shared memory, which Docker limits to 64 MB unless --shm-size says more.
# `docker stop --time 60` interrupts a run as Ctrl-C does and gives it time to write a partial report.
ARG PYTHON_VERSION=3.13
FROM python:${PYTHON_VERSION}-slim

# Options of pip for this installation; none by default.
ARG PIP_OPTIONS=""

WORKDIR /opt/harness
# The pattern matches requirements.lock where `make lock` has written one, and nothing otherwise.
COPY pyproject.toml README.md LICENSE requirements.loc[k] ./
COPY harness ./harness
COPY architectures ./architectures
COPY configs ./configs
# hadolint ignore=DL3042,SC2086 # several options may be given, so the argument is split
RUN touch requirements.lock \
    && python -m pip install --no-cache-dir ${PIP_OPTIONS} --constraint requirements.lock .

RUN useradd --create-home --uid 1000 harness && install --directory --owner=1000 --group=1000 /home/harness/reports
USER 1000:1000
WORKDIR /home/harness
VOLUME /home/harness/reports

ENTRYPOINT ["python", "-m", "harness.run"]
CMD ["--all"]
