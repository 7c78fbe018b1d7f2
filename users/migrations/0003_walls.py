"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands."""

from django.db import migrations

WALLS = [
    ("users_email", "email_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    (
        "users_webhookdelivery",
        "webhook_endpoint_of_delivery",
        "(brand_id, endpoint_id)",
        "users_webhookendpoint (brand_id, id)",
    ),
    ("users_webhookdelivery", "webhook_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("users_approval", "approval_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("users_member", "member_heir_of_brand", "(brand_id, merged_into_id)", "users_member (brand_id, id)"),
    ("users_refusal", "refusal_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("users_apikey", "api_key_follows_of_brand", "(brand_id, replaces_id)", "users_apikey (brand_id, id)"),
    ("users_segmentmember", "segment_member_segment_of_brand", "(brand_id, segment_id)", "users_segment (brand_id, id)"),
    ("users_segmentmember", "segment_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("users_segmentdue", "segment_due_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("users_segmentdraft", "segment_draft_of_brand", "(brand_id, segment_id)", "users_segment (brand_id, id)"),
    ("users_consentchange", "consent_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("users_memberchange", "member_change_of_its_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("users", "0002_partner_programmes")]
    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for table, name, columns, target in WALLS
        ),
    ]
