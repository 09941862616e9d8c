from .chosen_model import choose as choose
from .curves import Evaluation as Evaluation, flatten as flatten, read_evaluations as read_evaluations
from .fitting import (
    Cell as Cell,
    Column as Column,
    FittedTable as FittedTable,
    Prose as Prose,
    Row as Row,
    default_console as default_console,
    say as say,
    wrapped as wrapped,
)
from .incidents import kind as kind
from .leaderboard import sentence_of as sentence_of
from .leaderboard_table import leaderboard_of as leaderboard_of, studies_table as studies_table
from .live_board import LiveBoard as LiveBoard
from .markdown_text import inline as inline
from .page_data import Span as Span
from .page_final import rebuild_page as rebuild_page
from .page_index import index_page as index_page
from .page_known import KnownRuns as KnownRuns, with_own as with_own
from .page_live import (
    LiveSlot as LiveSlot,
    LiveStudy as LiveStudy,
    LiveTrial as LiveTrial,
    live_page as live_page,
)
from .page_parts import prepare_figures as prepare_figures
from .page_server import serve as serve
from .publishing import publish as publish
from .replay import read_rows as read_rows, read_runs as read_runs
from .report import write_report as write_report
from .report_html import self_contained as self_contained
from .report_plots import get_ready_to_draw as get_ready_to_draw
from .standing import (
    Activity as Activity,
    StudyStatus as StudyStatus,
    activities as activities,
    name_of as name_of,
    shown_name as shown_name,
    status_of as status_of,
)
from .summary import read_sentence as read_sentence, read_summary as read_summary, summary_of as summary_of
from .summary_model import Summary as Summary, TrialEntry as TrialEntry
from .table_report import (
    table_leaderboard as table_leaderboard,
    verdict_as_json as verdict_as_json,
    write_table_report as write_table_report,
)
from .task_report import Added as Added, added_by_task as added_by_task
from .tidying import (
    cleanable as cleanable,
    kept_trials as kept_trials,
    models_in as models_in,
    names_in_storage as names_in_storage,
    refuse_what_runs as refuse_what_runs,
    remove_checkpoints as remove_checkpoints,
)
