#!/usr/bin/env bash
#SBATCH --job-name=valign
#SBATCH --array=1-10
#SBATCH --cpus-per-task=2
#SBATCH --time=02:00:00
# One task of an array computes every n-th shard of a batch that was laid out before:
#
#     valign batch design.parquet --scenario two-services --out study --prepare
#     sbatch examples/slurm_array.sh study
#     valign resume study          # when all tasks have ended: puts the tables together (and computes what is missing)
#
# Without SLURM the same script runs as task I of N:  SLURM_ARRAY_TASK_ID=I SLURM_ARRAY_TASK_COUNT=N slurm_array.sh study
set -euo pipefail
exec "${VALIGN:-valign}" resume "$1" --part "${SLURM_ARRAY_TASK_ID}/${SLURM_ARRAY_TASK_COUNT}" \
    --threads "${SLURM_CPUS_PER_TASK:-1}" --quiet
