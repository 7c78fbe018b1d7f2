"""Examples of the App API."""

APP = {"APMPartnerID": "4pRtNr", "appId": "9aPp1d"}
TOKEN = {"access_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbg", "token_type": "bearer", "expires_in": 3600}
USER = {
    "partnerClientId": "ann",
    "email": "ann@example.org",
    "firstName": "Ann",
    "lastName": "Bell",
    "lang": "en",
    "dataConsentCode": 0,
    "points": 105,
    "segments": [1],
    "createdAt": "2026-06-01T11:23:23Z",
}
CONNECT = APP | {
    "partnerClientId": "ann",
    "email": "ann@example.org",
    "dataConsentCode": 0,
    "timestamp": 1780312983,
    "signature": "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
}
ACTION = {"tagId": "daily", "param1": "2026-06-01", "properties": {"category": "coffee"}}
DONE = {"points": 5, "balance": 105, "left": {"period": 0, "total": None}}
RESULT = {"partnerClientId": "ann", "errorCode": 0, "points": 5, "reason": None}
PROGRAMME = {
    "name": "Aurora Coffee",
    "languages": ["en"],
    "currency": "EUR",
    "token": {"id": 1, "name": "Beans", "symbol": "BNS"},
}
ACTION_OFFERED = {"tagId": "daily", "name": "Come by", "points": 5, "frequency": "day"}
GIFT = {
    "id": "1",
    "name": "Free coffee",
    "description": "",
    "points": 100,
    "stock": "available",
    "affordable": True,
    "image": None,
    "category": "drinks",
    "validUntil": None,
}
OPEN_PROGRAMME = {
    "program": PROGRAMME,
    "actions": [ACTION_OFFERED],
    "gifts": [GIFT | {"affordable": None}],
    "moreGifts": False,
    "texts": {},
}
OWN_PROGRAMME = OPEN_PROGRAMME | {
    "gifts": [GIFT],
    "user": USER,
    "done": [{"tagId": "daily", "count": 3, "left": {"period": 0, "total": None}}],
}
BOUGHT = {"code": "K7QX2M9PWRTA", "gift": {"id": "1", "name": "Free coffee"}, "points": 100, "balance": 5, "requestId": "r1"}
EARN = {"id": "2849", "tagId": "daily", "name": "Come by", "points": 5, "date": "2026-06-01T11:23:23Z", "param1": None}
BURN = {
    "id": "7",
    "giftId": "1",
    "name": "Free coffee",
    "points": 100,
    "date": "2026-06-01T11:25:00Z",
    "status": "exchange",
    "code": "K7QX2M9PWRTA",
}
CHANGED = {"info": USER, "earns": [EARN], "burns": []}
GONE = {"partnerClientId": "bob", "deleted": True}
CURSOR = "WzEsMjg0OSwzMSxudWxsXQ:signature"
RANKED = {"rank": 1, "partnerClientId": "ann", "firstName": "Ann", "points": 105, "me": True}
AD = {
    "id": "1",
    "title": "Double week",
    "text": "All coffees count twice.",
    "image": "https://example.org/double.png",
    "link": "https://example.org/double",
    "order": 1,
}
