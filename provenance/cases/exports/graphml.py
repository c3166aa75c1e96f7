"""Clusters as a graph for Gephi and its like (GraphML 1.0): members as nodes, pairs as edges."""

from xml.etree import ElementTree as ET

from provenance.cases.case import Case
from provenance.cases.exports.about import pairs

NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
KEYS = (
    ("cluster", "node", "string"), ("platform", "node", "string"), ("risk", "node", "string"),
    ("weight", "edge", "double"), ("kinds", "edge", "string"), ("median_delta_s", "edge", "double"),
)  # fmt: skip


def write(case: Case) -> bytes:
    """Return the graph."""
    root = ET.Element("graphml", {"xmlns": NAMESPACE})
    for name, of, kind in KEYS:
        ET.SubElement(root, "key", {"id": name, "for": of, "attr.name": name, "attr.type": kind})
    graph = ET.SubElement(root, "graph", {"id": case.name, "edgedefault": "undirected"})
    ET.SubElement(root, "desc").text = case.does_not_prove
    accounts = {account.account_id: account for account in case.accounts}
    clusters = {name: each.id for each in case.clusters for name in each.accounts}
    for name, cluster in sorted(clusters.items()):
        account = accounts.get(name)
        said = {"cluster": cluster}
        if account:
            said |= {"platform": account.platform or "", "risk": account.risk.value}
        _data(ET.SubElement(graph, "node", {"id": name}), said)
    for each in case.clusters:
        for pair in pairs(each):
            edge = ET.SubElement(graph, "edge", {"source": pair.one, "target": pair.other})
            said = {"weight": str(pair.weight), "kinds": " ".join(pair.kinds)}
            _data(edge, said | {"median_delta_s": f"{pair.median_delta_s:g}"})
    ET.indent(root, " ")
    text = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _data(element: ET.Element, said: dict[str, str]) -> None:
    for key, value in said.items():
        ET.SubElement(element, "data", {"key": key}).text = value
