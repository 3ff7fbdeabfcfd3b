from herodex.summary import describe_sample


def test_a_sampled_name_that_exists_is_marked():
    assert describe_sample({"name": "Sarron", "status": "new"}) == "Sarron"
    assert describe_sample({"name": "Aron", "status": "in train"}) == "Aron (real)"
