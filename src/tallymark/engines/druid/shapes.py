"""What Druid's native language has: types, and what each of them has to say. A list, no code.

Druid itself reads over what is missing or unknown, or answers with the name of a Java class. A type
of an extension that is not listed is right where Druid takes it.
"""

from __future__ import annotations

from collections.abc import Mapping

Needed = Mapping[str, tuple[str, ...]]

_COMMON = ("queryType", "dataSource", "intervals", "granularity", "filter", "virtualColumns")
_GROUPED = ("aggregations", "postAggregations", "context")
FIELDS: Needed = {
    "groupBy": (*_COMMON, *_GROUPED, "dimensions", "having", "limitSpec", "subtotalsSpec"),
    "timeseries": (*_COMMON, *_GROUPED, "descending", "limit"),
    "topN": (*_COMMON, *_GROUPED, "dimension", "metric", "threshold"),
    "scan": (
        *_COMMON,
        *("columns", "columnTypes", "limit", "offset", "order", "orderBy"),
        *("resultFormat", "batchSize", "legacy", "context"),
    ),
}
"""Of each kind of query."""
NEEDED: Needed = {
    "groupBy": (),
    "timeseries": (),
    "topN": ("dimension", "metric", "threshold"),
    "scan": ("columns",),
}

FILTERS: Needed = {
    "and": ("fields",),
    "or": ("fields",),
    "not": ("field",),
    "istrue": ("field",),
    "isfalse": ("field",),
    "selector": ("dimension", "value"),
    "in": ("dimension", "values"),
    "bound": ("dimension",),
    "like": ("dimension", "pattern"),
    "regex": ("dimension", "pattern"),
    "search": ("dimension", "query"),
    "interval": ("dimension", "intervals"),
    "spatial": ("dimension", "bound"),
    "extraction": ("dimension", "value", "extractionFn"),
    "javascript": ("dimension", "function"),
    "bloom": ("dimension", "bloomKFilter"),
    "columnComparison": ("dimensions",),
    "equals": ("column", "matchValueType", "matchValue"),
    "range": ("column", "matchValueType"),
    "inType": ("column", "matchValueType", "values"),
    "null": ("column",),
    "arrayContainsElement": ("column", "elementMatchValueType", "elementMatchValue"),
    "expression": ("expression",),
    "true": (),
    "false": (),
}

NUMBERS = ("long", "double", "float")
"""How aggregators of numbers are called: `longSum`."""
_EACH = ("Sum", "Min", "Max", "First", "Last", "Any")
_PER_TYPE = [f"{kind}{what}" for kind in NUMBERS for what in _EACH]
_OF_FIELD = (
    *_PER_TYPE,
    *("doubleMean", "stringFirst", "stringFirstFold", "stringLast", "stringLastFold", "stringAny"),
    *(
        "hyperUnique",
        "histogram",
        "approxHistogram",
        "approxHistogramFold",
        "fixedBucketsHistogram",
    ),
    *("thetaSketch", "HLLSketchBuild", "HLLSketchMerge", "quantilesDoublesSketch"),
    *("arrayOfDoublesSketch", "KllFloatsSketch", "KllDoublesSketch", "tDigestSketch"),
    *("momentSketch", "variance", "varianceFold", "timeMin", "timeMax"),
)
AGGREGATORS: Needed = {
    **dict.fromkeys(_OF_FIELD, ("name", "fieldName")),
    "count": ("name",),
    "cardinality": ("name", "fields"),
    "filtered": ("filter", "aggregator"),
    "expression": ("name", "fields", "fold"),
    "grouping": ("name", "groupings"),
    "javascript": ("name", "fieldNames", "fnAggregate", "fnCombine", "fnReset"),
    "bloom": ("name", "field"),
}
INSTEAD: Mapping[str, str] = {"fieldName": "expression", "fields": "fieldNames"}
"""What a field that is needed can be replaced by."""

POST_AGGREGATORS: Needed = {
    "arithmetic": ("fn", "fields"),
    "fieldAccess": ("fieldName",),
    "finalizingFieldAccess": ("fieldName",),
    "hyperUniqueCardinality": ("fieldName",),
    "constant": ("value",),
    "expression": ("expression",),
    "javascript": ("fieldNames", "function"),
    **dict.fromkeys(("doubleGreatest", "doubleLeast", "longGreatest", "longLeast"), ("fields",)),
    **dict.fromkeys(
        (
            *("thetaSketchEstimate", "thetaSketchToString", "HLLSketchEstimate"),
            *(
                "HLLSketchEstimateWithBounds",
                "HLLSketchToString",
                "quantilesDoublesSketchToQuantile",
            ),
            *("quantilesDoublesSketchToQuantiles", "quantilesDoublesSketchToHistogram"),
            *("quantilesDoublesSketchToRank", "quantilesDoublesSketchToCDF"),
            *("quantileFromTDigestSketch", "quantilesFromTDigestSketch"),
        ),
        ("field",),
    ),
    **dict.fromkeys(("thetaSketchSetOp", "HLLSketchUnion"), ("fields",)),
    **dict.fromkeys(("quantile", "quantiles", "buckets", "customBuckets", "equalBuckets"), ()),
    **dict.fromkeys(("min", "max"), ()),
    **dict.fromkeys(("stddev", "zscore2sample", "pvalue2tailedZtest"), ()),
}
READS_A_FIELD = ("fieldAccess", "finalizingFieldAccess", "hyperUniqueCardinality")
FUNCTIONS = ("+", "-", "*", "/", "quotient", "pow")
"""Of `arithmetic`."""

DIMENSIONS = ("default", "extraction", "listFiltered", "regexFiltered", "prefixFiltered", "lookup")
"""Ways to read a dimension."""
