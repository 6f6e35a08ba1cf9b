# The project with its built book, and JupyterLab on the notebooks; Binder builds from this file as well. By hand:
#   docker build --tag mpi-companion . && docker run --publish 8888:8888 mpi-companion
FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

# PyTorch for processors alone: the index of Python packages has it with 2.7 GB of CUDA libraries.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# The user of Binder. It is a number without a name or a home.
ARG NB_UID=1000

# What programs keep for themselves goes to /tmp, and a downloaded notebook finds its files here.
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 JUPYTER_CONFIG_PATH=/project/.jupyter MPICORE_FILES=/project
WORKDIR /project

COPY requirements.lock requirements-lab.lock ./
RUN grep '^torch==' requirements.lock > /tmp/torch.lock \
    && pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" --requirement /tmp/torch.lock \
    && pip install --no-cache-dir --requirement requirements.lock --requirement requirements-lab.lock \
    && rm /tmp/torch.lock

COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . && chown -R "$NB_UID" /project

USER $NB_UID
RUN python -m companion build

EXPOSE 8888
CMD ["python", "-m", "companion", "lab", "--", "--ip=0.0.0.0", "--no-browser"]
