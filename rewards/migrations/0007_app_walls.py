"""Foreign keys that include the brand, of what came with apps."""

from django.db import migrations

WALLS = [
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

    dependencies = [("rewards", "0006_apps")]
    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for table, name, columns, target in WALLS
        ),
    ]
