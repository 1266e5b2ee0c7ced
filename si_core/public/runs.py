"""Runs and their folders: starting, going on, checkpoints, logs, signals, and whose code failed."""

from __future__ import annotations

from si_core.models.blocks import block_size
from si_core.models.missing_data import in_place
from si_core.runs.attribution import attributed
from si_core.runs.bookkeeping import written_log
from si_core.runs.collections.console import MemberConsole
from si_core.runs.collections.directory import CollectionDirectory
from si_core.runs.collections.status import SOME_FAILED, collection_status
from si_core.runs.directory import ExportedModel, RunDirectory
from si_core.runs.environment import environment
from si_core.runs.for_loggers import NewPictures, event_numbers, recipe_leaves
from si_core.runs.kept_records import read_estimates
from si_core.runs.log import Console, RunLog, Silence
from si_core.runs.model_folder import write_model_folder
from si_core.runs.partial_samples import PartialSamples
from si_core.runs.pipeline import resume_run, start_run
from si_core.runs.private_paths import without_private_paths
from si_core.runs.report_stage import selected_reports
from si_core.runs.resume import check_environment, previous_status, read_json
from si_core.runs.same_recipe import training_part
from si_core.runs.sample_request import model_request
from si_core.runs.sample_stream import Heard, going_on
from si_core.runs.signals import StopSignals
from si_core.storage.checkpoint import load_checkpoint, save_checkpoint
from si_core.storage.retention import newest_verified

__all__ = [
    "SOME_FAILED",
    "CollectionDirectory",
    "Console",
    "ExportedModel",
    "Heard",
    "MemberConsole",
    "NewPictures",
    "PartialSamples",
    "RunDirectory",
    "RunLog",
    "Silence",
    "StopSignals",
    "attributed",
    "block_size",
    "check_environment",
    "collection_status",
    "environment",
    "event_numbers",
    "going_on",
    "in_place",
    "load_checkpoint",
    "model_request",
    "newest_verified",
    "previous_status",
    "read_estimates",
    "read_json",
    "recipe_leaves",
    "resume_run",
    "save_checkpoint",
    "selected_reports",
    "start_run",
    "training_part",
    "without_private_paths",
    "write_model_folder",
    "written_log",
]
