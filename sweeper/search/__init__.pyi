from .as_written import (
    LIKE_DOUBLE_QUOTES as LIKE_DOUBLE_QUOTES,
    LIKE_SINGLE_QUOTES as LIKE_SINGLE_QUOTES,
    UNSEEN as UNSEEN,
    parsed_as_written as parsed_as_written,
)
from .asking import (
    ALONE_S as ALONE_S,
    Adaptive as Adaptive,
    Asker as Asker,
    Draft as Draft,
    Enumerated as Enumerated,
    alone_with as alone_with,
)
from .containment import holds as holds
from .functions import overrides_parser as overrides_parser
from .grammar import (
    Choices as Choices,
    Interval as Interval,
    domain_of as domain_of,
    key_of as key_of,
    text_of as text_of,
    unknown_option as unknown_option,
)
from .groups_of_keys import groups_of as groups_of, is_of_loss as is_of_loss, merged as merged
from .pruner_checks import (
    acts_on_evaluations as acts_on_evaluations,
    check_pruner as check_pruner,
    pruner_warnings as pruner_warnings,
)
from .pruning import Pruning as Pruning, pruning_of as pruning_of
from .racing import RACE as RACE, with_race as with_race
from .rehearsal import rehearsed as rehearsed
from .sampler_options import NODE_DIRECTIVES as NODE_DIRECTIVES
from .samplers import (
    check_extends as check_extends,
    custom_search_space as custom_search_space,
    in_known_order as in_known_order,
    sampler_of as sampler_of,
    suggest as suggest,
    suggest_custom as suggest_custom,
)
from .search_space import (
    MANY_POINTS as MANY_POINTS,
    MAX_POINTS as MAX_POINTS,
    PER_STUDY as PER_STUDY,
    Point as Point,
    SearchSpace as SearchSpace,
    Swept as Swept,
    extremes as extremes,
    grid as grid,
    one_value_swept as one_value_swept,
    param_lines as param_lines,
    space_of as space_of,
)
from .stages import (
    BEST as BEST,
    STOP as STOP,
    NamedStage as NamedStage,
    Turn as Turn,
    named_in as named_in,
    origins_of as origins_of,
    stages_of as stages_of,
    with_points as with_points,
)
from .sweep import Sweep as Sweep
from .trial_book import SamplerFactory as SamplerFactory, TrialBook as TrialBook
from .way import (
    Known as Known,
    TrialSeen as TrialSeen,
    WantedTrial as WantedTrial,
    is_over as is_over,
    wanted as wanted,
    way as way,
)
