"""JSON over HTTPS with signed requests, in the shape of the Loyalty Commerce Platform's loyalty-partner contract.

The shapes follow github.com/Points/Loyalty-Commerce-Platform (lp-api, BSD-3-Clause), as published in 2019. The
contract has no inquiry; `POST /inquire` is asked for here in the same manner, by the key that `/transact` was given.
"""
