from seqtrain.testing.toy import ToyDictionary, toy_task


def test_dictionary() -> None:
    dictionary = ToyDictionary(["yes", "no"])
    assert len(dictionary) == 6
    assert dictionary.encode("no  yes maybe") == [5, 4, 3]
    assert dictionary.decode([0, 5, 4, 3, 2, 1]) == "no yes <unk>"


def test_task_has_two_dictionaries_or_a_joint_one() -> None:
    task = toy_task()
    assert (len(task.source_dictionary), len(task.target_dictionary)) == (14, 16)
    joint = toy_task(joint=True, max_positions=(5, 6))
    assert joint.source_dictionary is joint.target_dictionary
    assert len(joint.source_dictionary) == 26
    assert joint.max_positions == (5, 6)
