"""Links to samples in inspect view."""

from misfire.reports.logs.viewer_links import viewer_of


def test_a_link_gives_the_path_from_the_innermost_common_folder():
    viewer = viewer_of(["s3://bucket/logs/set/veto/a.eval", "s3://bucket/logs/set/vet/b.eval"])
    assert viewer.log_dir == "s3://bucket/logs/set"
    assert (
        viewer.link("s3://bucket/logs/set/veto/a.eval", "age_q1_p0", 2)
        == "http://127.0.0.1:7575/#/logs/veto/a.eval/samples/sample/age_q1_p0/2"
    )


def test_one_log_is_shown_from_its_folder():
    viewer = viewer_of(["s3://bucket/logs/a.eval"], "https://example.org/bundle/")
    assert viewer.log_dir == "s3://bucket/logs"
    assert (
        viewer.link("s3://bucket/logs/a.eval", "x", 1)
        == "https://example.org/bundle/#/logs/a.eval/samples/sample/x/1"
    )


def test_a_name_cannot_break_out_of_its_link():
    viewer = viewer_of(["s3://bucket/logs/a.eval"])
    link = viewer.link("s3://bucket/logs/a b)<.eval", 'x/../y"><script>', 1)
    assert not set(' <>")') & set(link)
    assert "x%2F..%2Fy" in link
