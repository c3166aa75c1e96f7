"""Trees of lines are those of RFC 6962."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from provenance.audit.tree import EMPTY, Tree, included, leaf, node, path

LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""Certificate Transparency's own vectors (google/certificate-transparency, merkle_tree_test)."""


def root(leaves: list[bytes]) -> bytes:
    """Return the root as section 2.1 defines it, recursively."""
    if len(leaves) < 2:
        return leaf(leaves[0]) if leaves else sha256().digest()
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root(leaves[:left]), root(leaves[left:]))


def grown(leaves: list[bytes]) -> Tree:
    tree = Tree()
    for each in leaves:
        tree.add(leaf(each))
    return tree


def test_roots_are_those_of_certificate_transparency() -> None:
    assert {size: grown(LEAVES[:size]).root.hex() for size in ROOTS} == ROOTS
    assert Tree().root == EMPTY


@given(st.lists(st.binary(max_size=3), max_size=40), st.data())
def test_a_proof_leads_from_its_leaf_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    tree = grown(leaves)
    assert tree.root == root(leaves)
    if not leaves:
        return
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = path(index, [leaf(each) for each in leaves])
    assert included(leaf(leaves[index]), index, len(leaves), proof, tree.root)
    assert not included(leaf(leaves[index] + b"x"), index, len(leaves), proof, tree.root)
    assert not included(leaf(leaves[index]), index, len(leaves) + 1, proof, root([*leaves, b""]))
    assert not included(leaf(leaves[index]), index, len(leaves), [*proof, EMPTY], tree.root)


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=40), st.binary())
def test_a_tree_is_taken_up_where_it_was_left(leaves: list[bytes], more: bytes) -> None:
    tree = grown(leaves)
    again = Tree(tree.before, tree.size - 1)
    again.add(leaf(leaves[-1]))
    assert (again.root, again.peaks) == (tree.root, tree.peaks)
    again.add(leaf(more))
    assert again.root == root([*leaves, more])
