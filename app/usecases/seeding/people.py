"""Invented people: names as they are given today, phones of the right shape, ID numbers with the right check digit."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

from stdnum.iso7064 import mod_11_2

from app.domain.identity import KeyKind, SearchKey, search_keys

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆"
    "汪范金石廖贾夏方白邹孟秦江陶顾单"
)
RARE = ("欧阳", "上官", "司马", "诸葛")
RARELY = 0.01
GIVEN = (  # noqa: SIM905  # a list of so many words reads badly
    "子涵 思远 雨桐 嘉怡 梓轩 佳琪 一凡 宇航 文博 晓彤 浩然 俊杰 欣妍 若曦 雅婷 诗涵 明哲 志豪 天佑 语嫣 静怡 心悦 "
    "海洋 建华 国栋 春晓 秋月 博文 泽宇 睿 亦菲 可欣 书豪 铭 昊天 芷若 清扬 安琪 宁 磊 倩 雪 琳 峰 "
    "毅 蕾 昕 楠 哲 敏 鹏 晨曦 梦瑶 依然 子墨 思琪 雨欣 嘉豪 梓萱 佳宁 一鸣 宇轩 文静 晓雯 浩宇 俊熙 "
    "欣怡 若兰 雅琴 诗雨 明轩 志远 天翔 语桐 静雯 心怡 海燕 建国 国强 春华 秋实 博雅 泽楷 睿渊 亦辰 可馨 书瑶 铭泽 "
    "昊然 芷晴 清雅 安然 佩玲 晓峰 立新 少华 永康 世杰 慧敏 丽娜 婷婷 莹莹 洁 家乐 乐天 景行 知行 南星 望舒 青禾 "
    "以安 沐阳 星辰 云帆 沛然 予安 初夏 念慈 映雪"
).split()
PHONES = ("130", "133", "135", "136", "137", "138", "139", "150", "151", "152", "155", "157", "158", "159", "176",
          "180", "182", "183", "185", "186", "187", "188", "189")  # fmt: skip
PLACES = ("330102", "330106", "330108", "330109", "330203", "330302", "330402", "330602", "330702", "331002", "320102",
          "320505", "310110", "340104", "350203", "360102", "370202", "410105", "420106", "430104", "440305", "510107",
          "610113", "210102")  # fmt: skip
BORN_FROM = date(1998, 1, 1)
BIRTHDAYS = 3287
"""Days until the end of 2006."""
NTHS = 997
"""Three-digit orders of birth at a place on a day; a prime, so that the step below reaches every combination."""
STEP = 15_485_863
"""A prime far from all factors: neighbours in number are strangers in birthday and place."""


@dataclass(frozen=True, slots=True)
class Invented:
    """Somebody who does not exist."""

    name: str
    phone: str
    id_number: str


def invent(random: Random, customer_id: int) -> Invented:
    """A person; the ID number follows from the customer's id, so that no two are alike."""
    surname = random.choice(RARE if random.random() < RARELY else SURNAMES)
    given = random.choice(GIVEN)
    phone = f"{random.choice(PHONES)}{random.randrange(10**8):08d}"
    return Invented(surname + given, phone, id_number_of(customer_id))


def id_number_of(nth: int) -> str:
    """The n-th ID number: place, birthday, order, check digit (GB 11643). Another for each n."""
    mixed = nth * STEP % (len(PLACES) * BIRTHDAYS * NTHS)
    mixed, order = divmod(mixed, NTHS)
    place, day = divmod(mixed, BIRTHDAYS)
    body = f"{PLACES[place]}{BORN_FROM + timedelta(days=day):%Y%m%d}{order + 1:03d}"
    return body + mod_11_2.calc_check_digit(body)


@cache
def _name_keys(name: str) -> tuple[SearchKey, ...]:
    return tuple(sorted((key for key in search_keys(name, "") if key.key), key=lambda key: (key.kind, key.key)))


def keys_of(person: Invented) -> tuple[SearchKey, ...]:
    """The search index of a person, as registration makes it."""
    return (*_name_keys(person.name), SearchKey(KeyKind.PHONE_TAIL, person.phone[-4:]))
