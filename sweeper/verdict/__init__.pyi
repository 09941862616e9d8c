from .attribution import attribute as attribute
from .digits import decimals as decimals, percent as percent
from .factorial import MAX_GROUPS as MAX_GROUPS, design as design
from .judging import best_of as best_of, judge as judge
from .mix import judged_attribution as judged_attribution
from .pair_budgets import (
    design_of as design_of,
    extended_by_last as extended_by_last,
    place_of as place_of,
    with_claim as with_claim,
)
from .paired import (
    Interval as Interval,
    Part as Part,
    differences as differences,
    examples_part as examples_part,
    student as student,
)
from .pairs import (
    PairWalk as PairWalk,
    certain_seeds as certain_seeds,
    first_design as first_design,
    typical_pairs as typical_pairs,
    walk_of as walk_of,
    wanted_budget as wanted_budget,
)
from .racing import Beaten as Beaten, beaten as beaten
from .selection import (
    Arm as Arm,
    Panel as Panel,
    choose as choose,
    confirm as confirm,
    explore as explore,
    pareto_front as pareto_front,
    verdict as verdict,
)
from .sequential import Contest as Contest, Design as Design, budget_of as budget_of, walk as walk
from .success import (
    CriterionResult as CriterionResult,
    check_criteria as check_criteria,
    check_trial as check_trial,
    criteria_of as criteria_of,
    n_met_in_words as n_met_in_words,
    result_in_words as result_in_words,
    result_lines as result_lines,
    unknown_figures as unknown_figures,
    unknown_figures_in as unknown_figures_in,
)
from .table_judging import judge_table as judge_table
from .table_verdict import TableVerdict as TableVerdict, TrialRow as TrialRow
from .which_split import judged_on as judged_on
