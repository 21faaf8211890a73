import pandas as pd

import custlens as cl


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
