# syntax=docker/dockerfile:1
# Image of the harness:
#
#     docker build --tag classifier-benchmark .
#     docker run --rm --init --shm-size=2g --volume reports:/home/harness/reports classifier-benchmark --all
#
# The Linux builds of PyTorch run on CPUs and on NVIDIA GPUs. To use GPUs, add --gpus all to
# docker run. To install another build, for example one without CUDA, pass options to pip:
# --build-arg PIP_OPTIONS="..."
#
# Ray keeps its objects in shared memory, which Docker limits to 64 MB. --shm-size sets a larger limit.
# `docker stop --time 60` interrupts a run like Ctrl-C and gives it time to write a partial report.
ARG PYTHON_VERSION=3.13
FROM python:${PYTHON_VERSION}-slim

# Options for pip; none by default.
ARG PIP_OPTIONS=""

WORKDIR /opt/harness
# The pattern matches requirements.lock if `make lock` has written it.
# Otherwise it matches nothing, and the build does not fail.
COPY pyproject.toml README.md LICENSE requirements.loc[k] ./
COPY harness ./harness
COPY architectures ./architectures
COPY configs ./configs
# hadolint ignore=DL3042,SC2086 # the argument is not quoted, because it can contain several options
RUN touch requirements.lock \
    && python -m pip install --no-cache-dir ${PIP_OPTIONS} --constraint requirements.lock .

RUN useradd --create-home --uid 1000 harness && install --directory --owner=1000 --group=1000 /home/harness/reports
USER 1000:1000
WORKDIR /home/harness
VOLUME /home/harness/reports

ENTRYPOINT ["python", "-m", "harness.run"]
CMD ["--all"]
