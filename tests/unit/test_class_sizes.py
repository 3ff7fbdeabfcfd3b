from herodex.class_sizes import FEW_IMAGES, NAMED, RARE, size_warnings


def test_classes_of_like_size_give_no_warning():
    assert size_warnings({"cat": FEW_IMAGES, "dog": RARE * FEW_IMAGES}) == []
    assert size_warnings({}) == []


def test_class_of_few_images_is_named_with_its_count_and_what_to_do():
    (warning,) = size_warnings({"cat": FEW_IMAGES - 1, "dog": FEW_IMAGES})
    assert f"'cat' ({FEW_IMAGES - 1})" in warning
    assert "'dog'" not in warning
    assert "Add images" in warning


def test_class_far_rarer_than_the_largest_is_named_beside_it():
    (warning,) = size_warnings({"cat": FEW_IMAGES, "dog": RARE * FEW_IMAGES + 1, "eel": 100})
    assert f"'dog' ({RARE * FEW_IMAGES + 1})" in warning
    assert f"'cat' ({FEW_IMAGES})" in warning
    assert "'eel'" not in warning


def test_warning_about_many_classes_names_the_smallest():
    (warning,) = size_warnings({f"class {n}": n for n in range(10, 10 + NAMED + 2)})
    assert warning.count("(") == NAMED
    assert "'class 10' (10)" in warning
    assert "and 2 more" in warning


def test_warnings_write_classes_as_they_are_shown():
    few, rare = size_warnings(
        {"cat": 90, "dog": 7}, {"cat": "Cat 🐈", "dog": "German (Shepherd)"}.__getitem__
    )
    assert "'German (Shepherd)' (7). Expect" in few
    assert "'Cat 🐈' (90): 'German (Shepherd)' (7)." in rare
