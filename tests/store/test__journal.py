from custlens.store._journal import Journal


def filled(folder, count=5):
    journal = Journal(folder)
    assert journal.open() is None
    journal.begin({"mode": "full"})
    for number in range(count):
        journal.put(f"page {number}", b"x" * 1000 * number)
    journal.close()
    return folder / "pages.bin"


def test_what_was_put_is_there_again(tmp_path):
    filled(tmp_path)
    journal = Journal(tmp_path)
    assert journal.open() == {"mode": "full"}
    assert [len(journal.get(f"page {number}")) for number in range(5)] == [0, 1000, 2000, 3000, 4000]
    assert journal.get("page 3") == b"x" * 3000
    assert journal.get("page 9") is None
    journal.put("page 9", b"more")
    journal.close()
    again = Journal(tmp_path)
    again.open()
    assert again.get("page 9") == b"more"
    again.close()


def test_what_a_kill_left_half_written_is_cut_off(tmp_path):
    whole = filled(tmp_path).read_bytes()
    last = len(b"page 4") + 4000 + 12
    for cut in range(len(whole) - last, len(whole), 97):
        (tmp_path / "pages.bin").write_bytes(whole[:cut])
        journal = Journal(tmp_path)
        journal.open()
        assert len(journal) == 4
        journal.put("page 4", b"new")
        assert journal.get("page 4") == b"new"
        journal.close()


def test_a_damaged_page_is_not_believed(tmp_path):
    path = filled(tmp_path)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 0xFF
    path.write_bytes(damaged)
    journal = Journal(tmp_path)
    journal.open()
    assert len(journal) == 4
    journal.close()


def test_a_damaged_plan_begins_anew(tmp_path):
    filled(tmp_path)
    (tmp_path / "plan.json").write_bytes(b'{"mode"')
    journal = Journal(tmp_path)
    assert journal.open() is None
    assert len(journal) == 0
    journal.close()


def test_clearing_leaves_nothing(tmp_path):
    filled(tmp_path)
    journal = Journal(tmp_path)
    journal.open()
    journal.clear()
    assert list(tmp_path.iterdir()) == []
