import pandas as pd
import pytest
from openpyxl import load_workbook

import custlens as cl
from custlens.tables.export import export

EVIL = ["=1+1", "+49 123", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", ";=1", "  =1", "＝1", "plain", "a=b"]


@pytest.fixture
def table(generated):
    rows = generated.customers.head(len(EVIL)).copy()
    return rows.assign(name=pd.array(EVIL, "str"), customer_group_name=pd.Categorical(EVIL))


def test_no_text_becomes_a_formula(table, tmp_path):
    csv = pd.read_csv(export(table, tmp_path / "a.csv", reveal=True), keep_default_na=False, dtype="str")
    sheet = load_workbook(export(table, tmp_path / "a.xlsx", reveal=True)).active
    header = [cell.value for cell in sheet[1]]
    for column in ("name", "customer_group_name"):
        excel = [row[header.index(column)] for row in sheet.iter_rows(min_row=2)]
        for text, in_csv, cell in zip(EVIL, csv[column], excel, strict=True):
            wanted = text if text in ("plain", "a=b") else f"'{text}"
            assert in_csv == wanted
            assert cell.data_type == "s"
            assert cell.value.startswith(wanted[0])


def test_personal_data_is_masked_unless_asked_for(generated, tmp_path):
    customers = generated.customers.head(300)
    for name in ("a.csv", "a.parquet", "a.xlsx"):
        read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "xlsx": pd.read_excel}[name.split(".")[1]]
        masked = read(export(customers, tmp_path / name))
        assert set(masked["email"]) == {"•••"}
        assert masked["sales_value"].sum() == pytest.approx(customers["sales_value"].sum())
        shown = read(export(customers, tmp_path / name, reveal=True))
        assert shown["email"].tolist() == customers["email"].tolist()


def test_parquet_keeps_every_dtype_and_text(table, tmp_path):
    path = export(table, tmp_path / "a.parquet", reveal=True)
    pd.testing.assert_frame_equal(pd.read_parquet(path), table.reset_index(drop=True), check_categorical=False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.txt", "the ending of path must be one of .csv, .parquet, .xlsx"),
        ("missing/a.csv", "path: there is no folder"),
    ],
)
def test_what_cannot_be_written_is_said(generated, tmp_path, name, message):
    with pytest.raises(cl.ArgumentError, match=message):
        export(generated.customers, tmp_path / name)


def test_nothing_personal_is_left_after_masking(generated):
    masked = cl.mask(generated.customers)
    words = cl.schemas.data_dictionary()
    personal = words.loc[words["pii"] & (words["table"] == "customers"), "column"]
    assert set(masked[personal].stack().dropna()) == {"•••"}
    text = masked.to_csv()
    assert "@" not in text
    assert generated.customers["name"].iloc[0] not in text


def test_what_is_missing_stays_missing_and_the_rest_is_untouched(generated):
    masked = cl.mask(generated.customers)
    pd.testing.assert_frame_equal(masked.isna(), generated.customers.isna())
    kept = ["customer_id", "number_of_orders", "sales_value", "billing_country_code"]
    pd.testing.assert_frame_equal(masked[kept], generated.customers[kept])
    assert "@" in generated.customers["email"].iloc[0]


def test_reveal_shows_it(generated):
    assert cl.mask(generated.contacts, reveal=True) is generated.contacts


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(None, "not None"), ("customers.csv", "not 'customers.csv'"), (pd.DataFrame, "not the class DataFrame"),
     (pd.Series([1.0]), "not a Series"), ({"email": ["x"]}, "not a dict")],
)  # fmt: skip
def test_what_is_not_a_table_is_refused(wrong, message, tmp_path):
    for call in (
        lambda: cl.mask(wrong),
        lambda: cl.mask(wrong, reveal=True),
        lambda: export(wrong, tmp_path / "a.csv"),
    ):
        with pytest.raises(cl.ArgumentError, match=f"table must be a pandas table, {message}"):
            call()


def test_what_holds_a_table_is_refused_with_the_way_to_it(generated, tmp_path):
    with pytest.raises(cl.ArgumentError, match=r"not a CustomerTables; pass \.customers of it"):
        cl.mask(generated)
    with pytest.raises(cl.ArgumentError, match=r"not a Store; pass \.customers\(\) of it"):
        cl.mask(cl.Store(tmp_path / "shop.lens"))


def test_a_path_that_is_not_one_is_named(generated):
    with pytest.raises(cl.ArgumentError, match="path must be the name of a file, not 5"):
        export(generated.customers, 5)


def test_personal_data_in_the_index_is_not_overlooked(generated):
    with pytest.raises(cl.ArgumentError, match=r"index \(email\): reset_index\(\) first"):
        cl.mask(generated.customers.set_index("email"))


def test_control_characters_do_not_keep_a_table_from_excel(table, tmp_path):
    path = export(table.assign(name="Ann\x00\x1b Lee"), tmp_path / "a.xlsx", reveal=True)
    assert set(pd.read_excel(path)["name"]) == {"Ann Lee"}


def test_only_the_owner_can_read_an_export(table, tmp_path):
    for name in ("a.csv", "a.parquet", "a.xlsx"):
        assert export(table, tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_what_excel_cannot_hold_is_refused_and_leaves_no_file(table, tmp_path):
    with pytest.raises(cl.ArgumentError, match=r"32,767 letters in a cell and name has more: export to \.parquet"):
        export(table.assign(name="x" * 40_000), tmp_path / "a.xlsx", reveal=True)
    many = pd.DataFrame({"customer_id": range(1_048_576)})
    with pytest.raises(cl.ArgumentError, match="Excel holds 1,048,575 rows and this table has 1,048,576"):
        export(many, tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []
