"""Tables of X's releases on information operations, 2018 to 2021."""

from typing import Any

import msgspec

from provenance.intake.exports.format import Head, Tables
from provenance.intake.exports.post import Account, Found, Post
from provenance.intake.exports.values import needed, time, unescaped


class _Row(msgspec.Struct):
    tweetid: str
    userid: str
    tweet_time: str
    tweet_text: str
    is_retweet: str = ""
    retweet_tweetid: str = ""
    retweet_userid: str = ""
    in_reply_to_tweetid: str = ""
    urls: str = ""
    tweet_language: str = ""
    user_display_name: str = ""
    user_screen_name: str = ""
    user_profile_description: str = ""
    account_creation_date: str = ""
    follower_count: str = ""


class XIo(Tables):
    """Reads rows of `…_tweets_csv_hashed.csv`; times have minutes, and ids may be hashed."""

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by its columns."""
        return {"tweetid", "userid", "tweet_time", "tweet_text"} <= head.columns

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        row = msgspec.convert(value, _Row)
        post = Post(
            post_id=needed(row.tweetid, "tweetid"),
            account_id=needed(row.userid, "userid"),
            created_at=time(row.tweet_time),
            text=unescaped(row.tweet_text),
            urls=listed(row.urls),
            is_repost=row.is_retweet.lower() == "true",
            repost_of=row.retweet_tweetid or None,
            reposted_account=row.retweet_userid or None,
            in_reply_to=row.in_reply_to_tweetid or None,
            platform="x",
            lang=row.tweet_language or None,
        )
        account = Account(
            account_id=row.userid,
            platform="x",
            handle=row.user_screen_name or None,
            name=row.user_display_name or None,
            bio=row.user_profile_description or None,
            created_at=time(row.account_creation_date) if row.account_creation_date else None,
            followers=int(row.follower_count) if row.follower_count.isdecimal() else None,
        )
        return Found(post, (account,))


def listed(value: str) -> list[str]:
    """Return the addresses of a list such as `[http://a, http://b]`, quoted or not."""
    pieces = (piece.strip(" '\"") for piece in value.strip("[] ").split(","))
    return list(dict.fromkeys(piece for piece in pieces if piece))
