"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands.

Codes keep room in their pages, so that redeeming one touches no index; the counts of tries change all the time.
"""

from django.db import migrations

WALLS = [
    ("rewards_campaign", "campaign_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_codebatch", "code_batch_campaign_of_brand", "(brand_id, campaign_id)", "rewards_campaign (brand_id, id)"),
    ("rewards_code", "code_campaign_of_brand", "(brand_id, campaign_id)", "rewards_campaign (brand_id, id)"),
    ("rewards_code", "code_batch_of_its_brand", "(brand_id, batch_id)", "rewards_codebatch (brand_id, id)"),
    ("rewards_code", "code_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_campaignuse", "campaign_use_campaign_of_brand", "(brand_id, campaign_id)", "rewards_campaign (brand_id, id)"),
    ("rewards_campaignuse", "campaign_use_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_category", "category_parent_of_brand", "(brand_id, parent_id)", "rewards_category (brand_id, id)"),
    ("rewards_rewardtype", "reward_type_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_rewardtype", "reward_type_category_of_brand", "(brand_id, category_id)", "rewards_category (brand_id, id)"),
    (
        "rewards_rewardtypelocation",
        "reward_type_location_type_of_brand",
        "(brand_id, reward_type_id)",
        "rewards_rewardtype (brand_id, id)",
    ),
    (
        "rewards_rewardtypelocation",
        "reward_type_location_of_brand",
        "(brand_id, location_id)",
        "rewards_location (brand_id, id)",
    ),
    ("rewards_rewardtypetext", "reward_type_text_of_brand", "(brand_id, reward_type_id)", "rewards_rewardtype (brand_id, id)"),
    ("rewards_reward", "reward_type_of_brands_reward", "(brand_id, reward_type_id)", "rewards_rewardtype (brand_id, id)"),
    ("rewards_reward", "reward_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_voucherclaim", "voucher_claim_reward_of_brand", "(brand_id, reward_id)", "rewards_reward (brand_id, id)"),
    ("rewards_giftorder", "gift_order_reward_of_brand", "(brand_id, reward_id)", "rewards_reward (brand_id, id)"),
    ("rewards_giftordermove", "gift_order_move_of_brand", "(brand_id, order_id)", "rewards_giftorder (brand_id, id)"),
    ("rewards_collectiblesupply", "collectible_supply_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_collectible", "collectible_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_collectible", "collectible_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_dailycodes", "daily_codes_campaign_of_brand", "(brand_id, campaign_id)", "rewards_campaign (brand_id, id)"),
    ("rewards_redeemedcodes", "redeemed_codes_campaign_of_brand", "(brand_id, campaign_id)", "rewards_campaign (brand_id, id)"),
    ("rewards_giftordermove", "gift_order_move_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_pooldraft", "pool_draft_type_of_brand", "(brand_id, reward_type_id)", "rewards_rewardtype (brand_id, id)"),
    ("rewards_categorytext", "category_text_of_brand", "(brand_id, category_id)", "rewards_category (brand_id, id)"),
    (
        "rewards_rewardtypesegment",
        "reward_type_segment_type_of_brand",
        "(brand_id, reward_type_id)",
        "rewards_rewardtype (brand_id, id)",
    ),
    ("rewards_rewardtypesegment", "reward_type_segment_of_brand", "(brand_id, segment_id)", "users_segment (brand_id, id)"),
    ("rewards_programme", "programme_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_baserate", "base_rate_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_promotion", "promotion_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    (
        "rewards_promotion",
        "promotion_version_of_its_brand",
        "(brand_id, version_id)",
        "rewards_promotionversion (brand_id, id)",
    ),
    ("rewards_promotionversion", "version_promotion_of_brand", "(brand_id, promotion_id)", "rewards_promotion (brand_id, id)"),
    ("rewards_promotionsegment", "tie_promotion_of_brand", "(brand_id, promotion_id)", "rewards_promotion (brand_id, id)"),
    ("rewards_promotionsegment", "tie_segment_of_brand", "(brand_id, segment_id)", "users_segment (brand_id, id)"),
    (
        "rewards_promotionuse",
        "promotion_use_promotion_of_brand",
        "(brand_id, promotion_id)",
        "rewards_promotion (brand_id, id)",
    ),
    ("rewards_promotionuse", "promotion_use_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_earning", "earning_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_earning", "earning_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_earningreversal", "reversal_earning_of_brand", "(brand_id, earning_id)", "rewards_earning (brand_id, id)"),
    ("rewards_action", "action_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("rewards_actionsegment", "action_tie_of_brand", "(brand_id, action_id)", "rewards_action (brand_id, id)"),
    ("rewards_actionsegment", "action_segment_of_brand", "(brand_id, segment_id)", "users_segment (brand_id, id)"),
    ("rewards_actiongain", "gain_action_of_brand", "(brand_id, action_id)", "rewards_action (brand_id, id)"),
    ("rewards_actiongain", "gain_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_actionuse", "action_use_action_of_brand", "(brand_id, action_id)", "rewards_action (brand_id, id)"),
    ("rewards_actionuse", "action_use_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_inboxitem", "inbox_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_inboxitem", "inbox_action_of_brand", "(brand_id, action_id)", "rewards_action (brand_id, id)"),
    ("rewards_rankscore", "rank_score_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("rewards_adtext", "ad_text_of_brand", "(brand_id, ad_id)", "rewards_ad (brand_id, id)"),
    ("rewards_adsegment", "ad_segment_ad_of_brand", "(brand_id, ad_id)", "rewards_ad (brand_id, id)"),
    ("rewards_adsegment", "ad_segment_of_brand", "(brand_id, segment_id)", "users_segment (brand_id, id)"),
    ("rewards_adday", "ad_day_of_brand", "(brand_id, ad_id)", "rewards_ad (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("rewards", "0001_initial"), ("ledger", "0002_walls")]
    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for table, name, columns, target in WALLS
        ),
        migrations.RunSQL(
            "ALTER TABLE rewards_code SET (fillfactor = 90)",
            "ALTER TABLE rewards_code RESET (fillfactor)",
        ),
        migrations.RunSQL(
            "ALTER TABLE rewards_codetries SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)",
            "ALTER TABLE rewards_codetries RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
    ]
