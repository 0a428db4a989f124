import pytest

from app.adapters.vault import AesVault

K1, K2, MAC = b"1" * 32, b"2" * 32, b"m" * 32
ID_NUMBER = "11010519491231002X"


@pytest.fixture
def vault() -> AesVault:
    return AesVault({"k1": K1}, MAC)


def seal(vault: AesVault, plain: str = ID_NUMBER, row: str = "7") -> bytes:
    return vault.seal(plain, table="identity", column="id_number", row=row)


def unseal(vault: AesVault, sealed: bytes, table: str = "identity", column: str = "id_number", row: str = "7") -> str:
    return vault.unseal(sealed, table=table, column=column, row=row)


@pytest.mark.parametrize("plain", [ID_NUMBER, "", "张三", "x" * 10_000])
def test_what_was_sealed_comes_back(vault: AesVault, plain: str) -> None:
    assert unseal(vault, seal(vault, plain)) == plain


@pytest.mark.parametrize("plain", [b"", b"\xff\xd8\xff\0", bytes(range(256))])
def test_bytes_come_back_too(vault: AesVault, plain: bytes) -> None:
    sealed = vault.seal_bytes(plain, table="photo", column="file", row="7")
    assert vault.unseal_bytes(sealed, table="photo", column="file", row="7") == plain
    with pytest.raises(ValueError, match="sealed for another place"):
        vault.unseal_bytes(sealed, table="photo", column="file", row="8")


def test_text_and_bytes_have_one_format(vault: AesVault) -> None:
    sealed = vault.seal_bytes(ID_NUMBER.encode(), table="identity", column="id_number", row="7")
    assert unseal(vault, sealed) == ID_NUMBER


def test_nothing_of_the_value_is_to_be_seen_and_two_seals_differ(vault: AesVault) -> None:
    first, second = seal(vault), seal(vault)
    assert ID_NUMBER.encode() not in first
    assert first != second


@pytest.mark.parametrize("place", [{"table": "staff"}, {"column": "student_number"}, {"row": "8"}])
def test_a_value_moved_to_another_place_is_refused(vault: AesVault, place: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="sealed for another place"):
        unseal(vault, seal(vault), **place)


def test_two_rows_that_swapped_their_values_are_refused(vault: AesVault) -> None:
    sevens, eights = seal(vault, row="7"), seal(vault, row="8")
    for sealed, row in ((eights, "7"), (sevens, "8")):
        with pytest.raises(ValueError, match="sealed for another place"):
            unseal(vault, sealed, row=row)


def test_a_place_cannot_be_spelled_in_two_ways(vault: AesVault) -> None:
    sealed = vault.seal("x", table="identity", column="id", row="number|7")
    with pytest.raises(ValueError, match="bar"):
        vault.unseal(sealed, table="identity", column="id|number", row="7")


def test_no_bit_can_be_flipped(vault: AesVault) -> None:
    sealed = seal(vault)
    for position in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(ValueError, match=r"changed|no vault key|too short"):
            unseal(vault, bytes(changed))


@pytest.mark.parametrize("length", [0, 1, 3, 14, 30])
def test_what_is_too_short_is_refused(vault: AesVault, length: int) -> None:
    with pytest.raises(ValueError, match="too short"):
        unseal(vault, seal(vault)[:length])


def test_a_new_key_seals_and_the_old_one_still_unseals(vault: AesVault) -> None:
    old = seal(vault)
    turned = AesVault({"k2": K2, "k1": K1}, MAC)
    assert unseal(turned, old) == ID_NUMBER
    with pytest.raises(ValueError, match="no vault key b'k2'"):
        unseal(vault, seal(turned))


def test_the_mac_finds_a_value_by_key_alone(vault: AesVault) -> None:
    assert vault.mac(ID_NUMBER) == AesVault({"k2": K2}, MAC).mac(ID_NUMBER)
    assert len(vault.mac(ID_NUMBER)) == 64
    assert vault.mac(ID_NUMBER) != vault.mac("11010519491231003X")
    assert vault.mac(ID_NUMBER) != AesVault({"k1": K1}, b"n" * 32).mac(ID_NUMBER)


@pytest.mark.parametrize(
    ("keys", "mac_key"),
    [({}, MAC), ({"k1": b"short"}, MAC), ({"": K1}, MAC), ({"钥": K1}, MAC), ({"k1": K1}, b"short")],
)
def test_unfit_keys_are_refused_at_the_start(keys: dict[str, bytes], mac_key: bytes) -> None:
    with pytest.raises(ValueError, match="vault"):
        AesVault(keys, mac_key)
