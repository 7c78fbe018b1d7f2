import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import loyalty.migrating
import pgtrigger.compiler
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
        ('users', '0001_initial'),
    ]

    operations = [
        loyalty.migrating.CreateModels(
            models=[migrations.CreateModel(
                name='CodeMark',
                fields=[
                    ('brand', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='users.brand')),
                    ('counted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('counted_at', models.DateTimeField(help_text='What was committed by then is counted; null: not yet all of it.', null=True)),
                    ('time_zone', models.CharField(db_default='', help_text='In which days were counted; another starts afresh.', max_length=64)),
                ],
                options={
                    'abstract': False,
                },
            ), migrations.CreateModel(
                name='RankingMark',
                fields=[
                    ('brand', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='users.brand')),
                    ('counted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('counted_at', models.DateTimeField(help_text='What was committed by then is counted; null: not yet all of it.', null=True)),
                    ('time_zone', models.CharField(db_default='', help_text='In which days were counted; another starts afresh.', max_length=64)),
                ],
                options={
                    'abstract': False,
                },
            ), migrations.CreateModel(
                name='RedemptionMark',
                fields=[
                    ('brand', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='users.brand')),
                    ('counted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('counted_at', models.DateTimeField(help_text='What was committed by then is counted; null: not yet all of it.', null=True)),
                    ('time_zone', models.CharField(db_default='', help_text='In which days were counted; another starts afresh.', max_length=64)),
                ],
                options={
                    'abstract': False,
                },
            ), migrations.CreateModel(
                name='Action',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('tag', models.CharField(max_length=100)),
                    ('name', models.CharField(max_length=100)),
                    ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('points', models.BigIntegerField()),
                    ('conditions', models.JSONField(blank=True, default=list, help_text='What properties must say, all of it (rewards.rules.actions).')),
                    ('frequency', models.CharField(choices=[('once', 'Once'), ('day', 'A day'), ('week', 'A week, from Monday'), ('month', 'A month'), ('none', 'Without a period')], default='none', max_length=5)),
                    ('period_limit', models.PositiveIntegerField(default=1, help_text='How often within its period.')),
                    ('total_limit', models.PositiveIntegerField(blank=True, help_text='How often in all; empty: no limit.', null=True)),
                    ('starts_at', models.DateTimeField(blank=True, null=True)),
                    ('ends_at', models.DateTimeField(blank=True, help_text='The first instant at which it is over.', null=True)),
                    ('active', models.BooleanField(default=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='action_of_brand'), models.UniqueConstraint(fields=('brand', 'tag'), name='action_tag_once'), models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='action_points_positive'), models.CheckConstraint(condition=models.Q(('frequency__in', ['once', 'day', 'week', 'month', 'none'])), name='action_frequency_known'), models.CheckConstraint(condition=models.Q(('period_limit__gt', 0), models.Q(('total_limit__isnull', True), ('total_limit__gt', 0), _connector='OR')), name='action_limits_positive'), models.CheckConstraint(condition=models.Q(('starts_at__isnull', True), ('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='action_ends_after_start')],
                },
            ), migrations.CreateModel(
                name='ActionGain',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('action', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.action')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('event_id', models.CharField(help_text="The shop's own name of the event; once in the brand.", max_length=255, null=True)),
                    ('param', models.CharField(help_text='With member and action it pays once, for ever.', max_length=255, null=True)),
                    ('salt', models.BinaryField(max_length=16)),
                    ('fingerprint', models.BinaryField(help_text='Salted SHA-256 of the request; empty once it is forgotten.', max_length=32)),
                    ('occurred_at', models.DateTimeField()),
                    ('points', models.BigIntegerField()),
                    ('posting', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='gain', to='ledger.transaction')),
                    ('answer', models.TextField(help_text='The first answer, as JSON; null once the member is erased.', null=True)),
                    ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='action_gain_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='7e0aa88384fede12cb2ca58e816b389df79e0c52', operation='DELETE', pgid='pgtrigger_action_gain_no_delete_5bc9e', table='rewards_actiongain', when='BEFORE')), pgtrigger.compiler.Trigger(name='action_gain_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='96873b142246c9485d87341b511edce3031b8be1', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_action_gain_no_truncate_d6ad6', table='rewards_actiongain', when='BEFORE'))],
                    'indexes': [models.Index(fields=['member', 'recorded_at', 'id'], name='action_gain_of_member')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('event_id__isnull', False)), fields=('brand', 'event_id'), name='action_gain_event_once'), models.UniqueConstraint(condition=models.Q(('param__isnull', False)), fields=('brand', 'member', 'action', 'param'), name='action_gain_param_once'), models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='action_gain_positive')],
                },
            ), migrations.CreateModel(
                name='ActionSegment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('action', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='ties', to='rewards.action')),
                    ('segment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.segment')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'action', 'segment'), name='action_segment_once')],
                },
            ), migrations.CreateModel(
                name='ActionUse',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('action', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.action')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('period', models.CharField(help_text="all, 2026-11-26, 2026-W48 or 2026-11, in the brand's time zone.", max_length=16)),
                    ('count', models.PositiveIntegerField()),
                ],
                options={
                    'indexes': [models.Index(fields=['member'], name='action_use_of_member')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'action', 'member', 'period'), name='action_use_once')],
                },
            ), migrations.CreateModel(
                name='Ad',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('kind', models.CharField(choices=[('bonus', 'Bonus'), ('specials', 'Special'), ('news', 'News')], max_length=8)),
                    ('title', models.CharField(max_length=100)),
                    ('text', models.TextField(blank=True)),
                    ('image', models.CharField(blank=True, help_text='The address of a picture.', max_length=500, validators=[django.core.validators.URLValidator(['http', 'https'])])),
                    ('link', models.CharField(blank=True, help_text='Where it leads.', max_length=500, validators=[django.core.validators.URLValidator(['http', 'https'])])),
                    ('position', models.PositiveIntegerField(default=0)),
                    ('starts_at', models.DateTimeField(blank=True, null=True)),
                    ('ends_at', models.DateTimeField(blank=True, help_text='The first instant at which it is over.', null=True)),
                    ('active', models.BooleanField(default=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'indexes': [models.Index(fields=['brand', 'kind', 'position', 'id'], name='ad_of_kind')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='ad_of_brand'), models.CheckConstraint(condition=models.Q(('kind__in', ['bonus', 'specials', 'news'])), name='ad_kind_known'), models.CheckConstraint(condition=models.Q(('starts_at__isnull', True), ('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='ad_ends_after_start')],
                },
            ), migrations.CreateModel(
                name='AdDay',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('ad', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='days', to='rewards.ad')),
                    ('day', models.DateField()),
                    ('shard', models.SmallIntegerField()),
                    ('shown', models.BigIntegerField()),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'ad', 'day', 'shard'), name='ad_day_once'), models.CheckConstraint(condition=models.Q(('shown__gt', 0)), name='ad_day_positive')],
                },
            ), migrations.CreateModel(
                name='AdSegment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('ad', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='ties', to='rewards.ad')),
                    ('segment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.segment')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'ad', 'segment'), name='ad_segment_once')],
                },
            ), migrations.CreateModel(
                name='AdText',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('ad', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='texts', to='rewards.ad')),
                    ('language', models.CharField(max_length=8)),
                    ('title', models.CharField(max_length=100)),
                    ('text', models.TextField(blank=True)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'ad', 'language'), name='ad_text_once')],
                },
            ), migrations.CreateModel(
                name='BaseRate',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('number', models.PositiveIntegerField(help_text='1, 2, 3, ... for each token.')),
                    ('rate', models.DecimalField(decimal_places=6, help_text="Points for one unit of the brand's currency.", max_digits=12)),
                    ('published_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('actor', models.CharField(max_length=60)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='base_rate_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='4d5c1d24c2e11c059618d7dacbe4b0cffa1ea377', operation='UPDATE', pgid='pgtrigger_base_rate_no_update_4bd6a', table='rewards_baserate', when='BEFORE')), pgtrigger.compiler.Trigger(name='base_rate_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='9fcc46c788ab88fdc92501063ce3fd3fb4a57e4f', operation='DELETE', pgid='pgtrigger_base_rate_no_delete_3b1a2', table='rewards_baserate', when='BEFORE')), pgtrigger.compiler.Trigger(name='base_rate_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='253cf0990d56d909dc88743b7c27ab10bd23ef9e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_base_rate_no_truncate_16792', table='rewards_baserate', when='BEFORE')), pgtrigger.compiler.Trigger(name='base_rate_revises', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_programme SET revision = revision + 1 WHERE brand_id = NEW.brand_id; RETURN NULL;', hash='f6fbce429fea2bb89626740386c3fcbb5314ee35', operation='INSERT', pgid='pgtrigger_base_rate_revises_09ac4', table='rewards_baserate', when='AFTER'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'token', 'number'), name='base_rate_once'), models.CheckConstraint(condition=models.Q(('rate__gte', 0)), name='base_rate_not_negative')],
                },
            ), migrations.CreateModel(
                name='Campaign',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('name', models.CharField(max_length=100)),
                    ('kind', models.CharField(choices=[('points', 'Points'), ('nft', 'Collectibles'), ('external_rewards', 'External rewards, as miles')], default='points', max_length=16)),
                    ('token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('state', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('paused', 'Paused'), ('ended', 'Ended')], default='draft', max_length=8)),
                    ('value_per_point', models.DecimalField(blank=True, decimal_places=6, help_text="What one point costs, in the brand's currency.", max_digits=12, null=True)),
                    ('starts_at', models.DateTimeField(default=django.utils.timezone.now)),
                    ('ends_at', models.DateTimeField(blank=True, help_text='The first instant at which it is over.', null=True)),
                    ('budget_points', models.BigIntegerField(blank=True, help_text='The worth of all codes together; empty: no limit.', null=True)),
                    ('budget_codes', models.BigIntegerField(blank=True, help_text='How many codes; empty: no limit.', null=True)),
                    ('issued_points', models.BigIntegerField(db_default=0, default=0, editable=False)),
                    ('issued_codes', models.BigIntegerField(db_default=0, default=0, editable=False)),
                    ('member_limit', models.PositiveIntegerField(blank=True, help_text='Codes that one member may redeem.', null=True)),
                    ('code_alphabet', models.CharField(default='0123456789', help_text='Digits and capital letters.', max_length=36)),
                    ('code_length', models.PositiveSmallIntegerField(default=9, help_text='Of the whole code, prefix and check character too.', validators=[django.core.validators.MinValueValidator(9), django.core.validators.MaxValueValidator(32)])),
                    ('code_prefix', models.CharField(blank=True, max_length=20)),
                    ('code_check', models.BooleanField(default=False, help_text='End codes with a character that catches typing errors.')),
                    ('code_lifetime_days', models.PositiveSmallIntegerField(blank=True, help_text='Codes expire so long after issue.', null=True)),
                    ('email_template', models.CharField(blank=True, help_text="The name of the brand's template; empty: usual one.", max_length=60)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='campaign_of_brand'), models.UniqueConstraint(fields=('brand', 'name'), name='campaign_name_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['points', 'nft', 'external_rewards']), ('state__in', ['draft', 'running', 'paused', 'ended'])), name='campaign_kind_known'), models.CheckConstraint(condition=models.Q(models.Q(('budget_points__isnull', True), ('issued_points__lte', models.F('budget_points')), _connector='OR'), models.Q(('budget_codes__isnull', True), ('issued_codes__lte', models.F('budget_codes')), _connector='OR')), name='campaign_within_budget'), models.CheckConstraint(condition=models.Q(('issued_codes__gte', 0), ('issued_points__gte', 0)), name='campaign_counts_not_negative'), models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='campaign_ends_after_start'), models.CheckConstraint(condition=models.Q(('code_alphabet__regex', '^[0-9A-Z]{10,36}$'), ('code_length__gte', 9), ('code_length__lte', 32), ('code_prefix__regex', '^[0-9A-Z]*$')), name='campaign_code_form'), models.CheckConstraint(condition=models.Q(('value_per_point__isnull', True), ('value_per_point__gt', 0), _connector='OR'), name='campaign_value_per_point_positive')],
                },
            ), migrations.CreateModel(
                name='CampaignUse',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('count', models.PositiveIntegerField()),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'campaign', 'member'), name='campaign_use_once')],
                },
            ), migrations.CreateModel(
                name='Category',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='rewards.category')),
                    ('code', models.CharField(max_length=60)),
                    ('name', models.CharField(max_length=100)),
                    ('active', models.BooleanField(default=True, help_text='Whether it is shown, with all that stands in it.')),
                ],
                options={
                    'verbose_name_plural': 'categories',
                    'triggers': [pgtrigger.compiler.Trigger(name='category_stands_in_no_circle', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."parent_id" IS NOT NULL)', func="\n                    PERFORM pg_advisory_xact_lock(hashtextextended('rewards_category ' || NEW.brand_id, 0));\n                    IF NEW.parent_id = NEW.id OR EXISTS (\n                        WITH RECURSIVE above(id, parent_id) AS (\n                            SELECT id, parent_id FROM rewards_category WHERE id = NEW.parent_id\n                            UNION SELECT c.id, c.parent_id FROM rewards_category c JOIN above a ON c.id = a.parent_id\n                        ) SELECT FROM above WHERE id = NEW.id\n                    ) THEN\n                        RAISE EXCEPTION 'a category stands in no circle' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'category_stands_in_no_circle';\n                    END IF;\n                    RETURN NEW;\n                ", hash='ea337fe90be670fbdce0e5979b42fcdc32ba1c5f', operation='INSERT OR UPDATE', pgid='pgtrigger_category_stands_in_no_circle_538a5', table='rewards_category', when='BEFORE')), pgtrigger.compiler.Trigger(name='category_dates', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."code" IS DISTINCT FROM (NEW."code"))', func='UPDATE rewards_rewardtype SET name = name WHERE category_id = NEW.id; RETURN NULL;', hash='14440bbcc4bf946f87671d4c161642015baada6d', operation='UPDATE', pgid='pgtrigger_category_dates_eb25a', table='rewards_category', when='AFTER'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='category_of_brand'), models.UniqueConstraint(fields=('brand', 'code'), name='category_once')],
                },
            ), migrations.CreateModel(
                name='CategoryText',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('category', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='texts', to='rewards.category')),
                    ('language', models.CharField(max_length=8)),
                    ('name', models.CharField(max_length=100)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='category_text_given_dates', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_rewardtype SET name = name WHERE category_id = NEW.category_id; RETURN NULL;', hash='6f3c13913957c7295fc1dcfe5eba1c082a3da304', operation='INSERT OR UPDATE', pgid='pgtrigger_category_text_given_dates_d3fb9', table='rewards_categorytext', when='AFTER')), pgtrigger.compiler.Trigger(name='category_text_taken_dates', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_rewardtype SET name = name WHERE category_id = OLD.category_id; RETURN NULL;', hash='4abd1c11f6a682a0a734261931831d75a4ac439e', operation='DELETE', pgid='pgtrigger_category_text_taken_dates_06c31', table='rewards_categorytext', when='AFTER'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'category', 'language'), name='category_text_once')],
                },
            ), migrations.CreateModel(
                name='CodeBatch',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='rewards.campaign')),
                    ('count', models.BigIntegerField(help_text='How many codes it is to have.')),
                    ('generated', models.BigIntegerField(default=0)),
                    ('value', models.BigIntegerField(help_text='What each code is worth.')),
                    ('length', models.PositiveSmallIntegerField()),
                    ('alphabet', models.CharField(max_length=36)),
                    ('prefix', models.CharField(blank=True, max_length=20)),
                    ('check_character', models.BooleanField()),
                    ('expires_at', models.DateTimeField(null=True)),
                    ('actor', models.CharField(help_text='Who asked: staff:<id>, command.', max_length=60)),
                    ('reference', models.CharField(editable=False, help_text='The form it was ordered with: sent twice, it orders once.', max_length=64, null=True)),
                    ('first_code_id', models.BigIntegerField(null=True)),
                    ('last_code_id', models.BigIntegerField(null=True)),
                    ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('stopping', 'Stopping'), ('stopped', 'Stopped'), ('finished', 'Finished'), ('closed', 'Closed, the rest of its budget returned')], default='queued', max_length=8)),
                    ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When a worker may take it up; a lease moves it on.')),
                    ('attempts', models.PositiveSmallIntegerField(default=0, help_text='Since its last chunk; at the most it is stopped.')),
                    ('fault', models.CharField(blank=True, help_text='Why it stopped of its own accord.', max_length=200)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('finished_at', models.DateTimeField(null=True)),
                    ('closed_at', models.DateTimeField(null=True)),
                ],
                options={
                    'verbose_name_plural': 'code batches',
                    'permissions': [('generate_codes', 'Can order codes in bulk, stop, resume and close batches'), ('download_codes', 'Can see and download codes')],
                    'triggers': [pgtrigger.compiler.Trigger(name='code_batch_moves_on', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE _is_valid_transition BOOLEAN;', func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{queued:running,queued:stopped,running:finished,running:stopping,running:stopped,stopping:stopped,stopped:queued,stopped:running,stopped:closed}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;', hash='b051dfe5daf272ac0fff2dc245ab23669065b042', operation='UPDATE', pgid='pgtrigger_code_batch_moves_on_32113', table='rewards_codebatch', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_batch_keeps_its_terms', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."campaign_id" IS DISTINCT FROM (NEW."campaign_id") OR OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."count" IS DISTINCT FROM (NEW."count") OR OLD."value" IS DISTINCT FROM (NEW."value"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='8b77d75174fb9b7e2b9c13eb44d3a69d7dfcd512', operation='UPDATE', pgid='pgtrigger_code_batch_keeps_its_terms_b6850', table='rewards_codebatch', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_batch_settled_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."state" IN (\'finished\', \'closed\') AND OLD."generated" IS DISTINCT FROM (NEW."generated"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='7337f13f1291cff45643dad56a7a94c5dccb7a1e', operation='UPDATE', pgid='pgtrigger_code_batch_settled_is_final_aa946', table='rewards_codebatch', when='BEFORE'))],
                    'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running', 'stopping'))), fields=['due_at', 'id'], name='code_batch_due'), models.Index(fields=['campaign', '-id'], name='code_batch_newest')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='code_batch_of_brand'), models.UniqueConstraint(condition=models.Q(('reference__isnull', False)), fields=('brand', 'reference'), name='code_batch_of_form_once'), models.CheckConstraint(condition=models.Q(('count__gt', 0), ('generated__gte', 0), ('generated__lte', models.F('count')), ('value__gt', 0)), name='code_batch_within_count'), models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'stopping', 'stopped', 'finished', 'closed'])), name='code_batch_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('generated', models.F('count')), ('state', 'finished')), models.Q(models.Q(('state', 'finished'), _negated=True), ('finished_at__isnull', True), ('generated__lt', models.F('count'))), _connector='OR'), name='code_batch_finished_is_whole'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state', 'closed')), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', True)), _connector='OR'), name='code_batch_closed_has_instant')],
                },
            ), migrations.CreateModel(
                name='Code',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
                    ('batch', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.codebatch')),
                    ('code', models.CharField(max_length=32)),
                    ('value', models.BigIntegerField(help_text='Points, or items of a collectible.')),
                    ('reference_id', models.CharField(help_text="The partner's own; once among the brand's codes.", max_length=255, null=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('expires_at', models.DateTimeField(null=True)),
                    ('revoked_at', models.DateTimeField(null=True)),
                    ('redeemed_at', models.DateTimeField(null=True)),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('actor', models.CharField(help_text='Who asked for it alone: key:<id>; null: see its batch.', max_length=60, null=True)),
                    ('mail_id', models.BigIntegerField(help_text='The e-mail that carried it; it may be gone with its recipient.', null=True)),
                ],
                options={
                    'permissions': [('revoke_code', 'Can revoke codes')],
                    'triggers': [pgtrigger.compiler.Trigger(name='code_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='76ed426c084d91b4e4ec1bb287c6584ea73e4175', operation='DELETE', pgid='pgtrigger_code_no_delete_f5841', table='rewards_code', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='c44fda31723c669f0494c4679c5e459d57b01e3e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_code_no_truncate_54bf0', table='rewards_code', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_redeemed_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."redeemed_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='8a035ba310e729679893f895c80888cb2dd7743c', operation='UPDATE', pgid='pgtrigger_code_redeemed_is_final_45fd7', table='rewards_code', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_keeps_its_worth', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."value" IS DISTINCT FROM (NEW."value") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."campaign_id" IS DISTINCT FROM (NEW."campaign_id") OR OLD."brand_id" IS DISTINCT FROM (NEW."brand_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='798e91dea7b1e7c70f57d5d01afa4db6842a1690', operation='UPDATE', pgid='pgtrigger_code_keeps_its_worth_3b1fc', table='rewards_code', when='BEFORE'))],
                    'indexes': [models.Index(fields=['brand', 'id'], name='code_newest')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'code'), name='code_once'), models.UniqueConstraint(condition=models.Q(('reference_id__isnull', False)), fields=('brand', 'reference_id'), name='code_reference_once'), models.CheckConstraint(condition=models.Q(('value__gt', 0)), name='code_value_positive'), models.CheckConstraint(condition=models.Q(models.Q(('member__isnull', True), ('redeemed_at__isnull', True)), models.Q(('member__isnull', False), ('redeemed_at__isnull', False), ('revoked_at__isnull', True)), _connector='OR'), name='code_redeemed_by_someone')],
                },
            ), migrations.CreateModel(
                name='CodeTries',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('scope', models.CharField(choices=[('member', 'member'), ('key', 'key'), ('brand', 'brand')], max_length=6)),
                    ('subject_id', models.BigIntegerField()),
                    ('window_at', models.DateTimeField(help_text='When the hour began that is counted.')),
                    ('tries', models.PositiveIntegerField()),
                ],
                options={
                    'verbose_name_plural': 'code tries',
                    'constraints': [models.UniqueConstraint(fields=('brand', 'scope', 'subject_id'), name='code_tries_once')],
                },
            ), migrations.CreateModel(
                name='Collectible',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('serial', models.BigIntegerField(help_text='1, 2, 3, ... within the token.')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('transaction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
                    ('status', models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('rejected', 'Rejected')], max_length=8, null=True)),
                    ('personalised_data', models.JSONField(help_text='What the owner asks for; personal.', null=True)),
                    ('reason', models.TextField(blank=True, help_text='Why it was decided so.')),
                    ('decided_by', models.CharField(blank=True, max_length=60)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'permissions': [('decide_personalisation', 'Can decide about personalisations')],
                    'triggers': [pgtrigger.compiler.Trigger(name='collectible_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='df78245dc9e9fadab151a0c66c50f4eff2f9bec7', operation='DELETE', pgid='pgtrigger_collectible_no_delete_b2549', table='rewards_collectible', when='BEFORE')), pgtrigger.compiler.Trigger(name='collectible_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='1b028a9d085dc2e9e5bcfa88a1bf2cca718d59c7', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_collectible_no_truncate_e048e', table='rewards_collectible', when='BEFORE')), pgtrigger.compiler.Trigger(name='collectible_follows_ledger', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE movement RECORD;', func="\n                    IF TG_OP = 'UPDATE' THEN\n                        IF NEW.brand_id <> OLD.brand_id OR NEW.token_id <> OLD.token_id OR NEW.serial <> OLD.serial THEN\n                            RAISE EXCEPTION 'a collectible keeps its token and number' USING ERRCODE = 'check_violation',\n                                CONSTRAINT = 'collectible_follows_ledger';\n                        END IF;\n                        IF NEW.member_id IS NOT DISTINCT FROM OLD.member_id\n                           AND NEW.transaction_id = OLD.transaction_id THEN\n                            RETURN NEW;\n                        END IF;\n                    END IF;\n                    SELECT a.member_id, a.token_id, a.brand_id, t.amount INTO movement\n                    FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id WHERE t.id = NEW.transaction_id;\n                    IF movement.token_id IS DISTINCT FROM NEW.token_id OR movement.brand_id IS DISTINCT FROM NEW.brand_id\n                       OR (NEW.member_id IS NOT NULL AND (movement.member_id <> NEW.member_id OR movement.amount <= 0))\n                       OR (NEW.member_id IS NULL AND (TG_OP = 'INSERT' OR movement.amount >= 0\n                           OR movement.member_id IS DISTINCT FROM OLD.member_id)) THEN\n                        RAISE EXCEPTION 'a collectible moves only through the ledger' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'collectible_follows_ledger';\n                    END IF;\n                    RETURN NEW;\n                ", hash='72a0b79970e1a9ea22d0060569b25822dab10714', operation='INSERT OR UPDATE', pgid='pgtrigger_collectible_follows_ledger_5235f', table='rewards_collectible', when='BEFORE'))],
                    'indexes': [models.Index(condition=models.Q(('member__isnull', False)), fields=['brand', '-updated_at', '-id'], name='collectible_newest'), models.Index(condition=models.Q(('status', 'pending')), fields=['brand', 'updated_at', 'id'], name='collectible_to_decide'), models.Index(fields=['member', 'updated_at', 'id'], name='collectible_of_member')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'token', 'serial'), name='collectible_serial_once'), models.CheckConstraint(condition=models.Q(('serial__gte', 1)), name='collectible_serial_positive'), models.CheckConstraint(condition=models.Q(('status__isnull', True), ('status__in', ['pending', 'approved', 'rejected']), _connector='OR'), name='collectible_status_known'), models.CheckConstraint(condition=models.Q(models.Q(('personalised_data__isnull', True), ('status__isnull', True)), models.Q(('personalised_data__isnull', False), ('status__isnull', False)), _connector='OR'), name='collectible_wish_is_told')],
                },
            ), migrations.CreateModel(
                name='CollectibleSupply',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('token', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='supply', to='ledger.token')),
                    ('supply_limit', models.BigIntegerField(blank=True, help_text='Items there may ever be; empty: no limit.', null=True)),
                    ('issued', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ],
                options={
                    'verbose_name_plural': 'collectible supplies',
                    'constraints': [models.UniqueConstraint(fields=('brand', 'token'), name='collectible_supply_once'), models.CheckConstraint(condition=models.Q(('issued__gte', 0), models.Q(('supply_limit__isnull', True), ('issued__lte', models.F('supply_limit')), _connector='OR')), name='collectible_supply_within_limit')],
                },
            ), migrations.CreateModel(
                name='DailyCodes',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
                    ('day', models.DateField()),
                    ('codes', models.BigIntegerField()),
                    ('value', models.BigIntegerField(help_text='Points, or items of a collectible, of all together.')),
                ],
                options={
                    'verbose_name_plural': 'daily codes',
                    'constraints': [models.UniqueConstraint(fields=('brand', 'day', 'campaign'), name='daily_codes_once'), models.CheckConstraint(condition=models.Q(('codes__gt', 0), ('value__gt', 0)), name='daily_codes_positive')],
                },
            ), migrations.CreateModel(
                name='Earning',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('transaction_id', models.CharField(help_text="The partner's own; once in the brand, for ever.", max_length=255)),
                    ('salt', models.BinaryField(max_length=16)),
                    ('fingerprint', models.BinaryField(help_text='Salted SHA-256 of the request; empty once it is forgotten.', max_length=32)),
                    ('occurred_at', models.DateTimeField()),
                    ('points', models.BigIntegerField(help_text='What it gave.')),
                    ('remaining', models.BigIntegerField(help_text='What was not taken back.')),
                    ('basket', models.JSONField(help_text='Its lines, store and channel; null once the member is erased.', null=True)),
                    ('rules', models.JSONField(help_text='The base rate and the versions of promotions that paid, with what each gave.')),
                    ('returned', models.JSONField(db_default={}, default=dict, help_text='What came back, by line: quantity and amount.')),
                    ('answer', models.TextField(help_text='The first answer, as JSON; null once the member is erased.', null=True)),
                    ('posting', models.OneToOneField(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='earning', to='ledger.transaction')),
                    ('actor', models.CharField(max_length=60)),
                    ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='earning_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='e0793a419619c0af14acf72f995ada25439dbb9d', operation='DELETE', pgid='pgtrigger_earning_no_delete_d4cd6', table='rewards_earning', when='BEFORE')), pgtrigger.compiler.Trigger(name='earning_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='35fa702912a71c26ecf4f2a82539b5d79b44ca19', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_earning_no_truncate_a2972', table='rewards_earning', when='BEFORE')), pgtrigger.compiler.Trigger(name='earning_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."transaction_id" IS DISTINCT FROM (NEW."transaction_id") OR OLD."points" IS DISTINCT FROM (NEW."points") OR OLD."posting_id" IS DISTINCT FROM (NEW."posting_id") OR OLD."occurred_at" IS DISTINCT FROM (NEW."occurred_at") OR OLD."remaining" < (NEW."remaining"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='4f004ca4f8172c5d9e7bc802f1e86b376d580328', operation='UPDATE', pgid='pgtrigger_earning_stays_e0e79', table='rewards_earning', when='BEFORE'))],
                    'indexes': [models.Index(fields=['member', 'recorded_at', 'id'], name='earning_of_member'), models.Index(fields=['brand', 'occurred_at', 'id'], name='earning_of_day')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='earning_of_brand'), models.UniqueConstraint(fields=('brand', 'transaction_id'), name='earning_once'), models.CheckConstraint(condition=models.Q(('remaining__gte', 0), ('remaining__lte', models.F('points'))), name='earning_remains'), models.CheckConstraint(condition=models.Q(models.Q(('points', 0), ('posting__isnull', True)), models.Q(('points__gt', 0), ('posting__isnull', False)), _connector='OR'), name='earning_posted')],
                },
            ), migrations.CreateModel(
                name='EarningReversal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('earning', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='reversals', to='rewards.earning')),
                    ('reversal_id', models.CharField(help_text="The partner's own; once in the brand, for ever.", max_length=255)),
                    ('salt', models.BinaryField(max_length=16)),
                    ('fingerprint', models.BinaryField(help_text='Salted SHA-256 of the request; empty once it is forgotten.', max_length=32)),
                    ('lines', models.JSONField(help_text='What came back, by line: quantity and amount; empty: all that was left.')),
                    ('points', models.BigIntegerField(help_text='What was taken.')),
                    ('forced', models.BooleanField(default=False, help_text='Whether the account was let below its floor.')),
                    ('answer', models.TextField(help_text='The first answer, as JSON; null once the member is erased.', null=True)),
                    ('posting', models.OneToOneField(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
                    ('actor', models.CharField(max_length=60)),
                    ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='earning_reversal_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='5c7e269b43ed0d6c32c9bcdc8e31310eab9b246a', operation='DELETE', pgid='pgtrigger_earning_reversal_no_delete_32e18', table='rewards_earningreversal', when='BEFORE')), pgtrigger.compiler.Trigger(name='earning_reversal_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='d58a296236e34244b3151e5433f9eaf338f39f0f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_earning_reversal_no_truncate_4c724', table='rewards_earningreversal', when='BEFORE'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'reversal_id'), name='earning_reversal_once'), models.CheckConstraint(condition=models.Q(models.Q(('points', 0), ('posting__isnull', True)), models.Q(('points__gt', 0), ('posting__isnull', False)), _connector='OR'), name='earning_reversal_posted')],
                },
            ), migrations.CreateModel(
                name='GiftOrder',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reward', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='order', to='rewards.reward')),
                    ('status', models.CharField(choices=[('exchange', 'exchange'), ('cancellation', 'cancellation'), ('in_preparation', 'in_preparation'), ('in_delivery', 'in_delivery'), ('delivered', 'delivered'), ('returned', 'returned')], default='exchange', max_length=16)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'permissions': [('move_giftorder', 'Can move orders')],
                    'indexes': [models.Index(fields=['brand', 'status', 'id'], name='gift_order_of_status')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='gift_order_of_brand'), models.CheckConstraint(condition=models.Q(('status__in', ['exchange', 'cancellation', 'in_preparation', 'in_delivery', 'delivered', 'returned'])), name='gift_order_status_known')],
                },
            ), migrations.CreateModel(
                name='GiftOrderMove',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('order', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='rewards.giftorder')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('from_status', models.CharField(choices=[('exchange', 'exchange'), ('cancellation', 'cancellation'), ('in_preparation', 'in_preparation'), ('in_delivery', 'in_delivery'), ('delivered', 'delivered'), ('returned', 'returned')], max_length=16)),
                    ('to_status', models.CharField(choices=[('exchange', 'exchange'), ('cancellation', 'cancellation'), ('in_preparation', 'in_preparation'), ('in_delivery', 'in_delivery'), ('delivered', 'delivered'), ('returned', 'returned')], max_length=16)),
                    ('actor', models.CharField(max_length=60)),
                    ('reason', models.TextField(blank=True)),
                    ('moved_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='gift_order_move_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6fcc5cf74c67eeac58f2a7d098e214c3c3d01b1b', operation='DELETE', pgid='pgtrigger_gift_order_move_no_delete_16dea', table='rewards_giftordermove', when='BEFORE')), pgtrigger.compiler.Trigger(name='gift_order_move_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='ff9dd4f6cc76604414b1cb6dfce496b4f2094737', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_gift_order_move_no_truncate_36f1e', table='rewards_giftordermove', when='BEFORE')), pgtrigger.compiler.Trigger(name='gift_order_move_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."order_id" IS DISTINCT FROM (NEW."order_id") OR OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."from_status" IS DISTINCT FROM (NEW."from_status") OR OLD."to_status" IS DISTINCT FROM (NEW."to_status") OR OLD."actor" IS DISTINCT FROM (NEW."actor") OR OLD."moved_at" IS DISTINCT FROM (NEW."moved_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c48ad6684f53dfe1dd29d4ccbfd4632613ba5847', operation='UPDATE', pgid='pgtrigger_gift_order_move_stays_2fdc8', table='rewards_giftordermove', when='BEFORE'))],
                    'indexes': [models.Index(fields=['member', 'moved_at', 'id'], name='gift_order_move_of_member'), models.Index(fields=['brand', 'id'], name='gift_order_move_of_brand')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'order', 'to_status'), name='gift_order_move_once')],
                },
            ), migrations.CreateModel(
                name='InboxItem',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('action', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.action')),
                    ('param', models.CharField(max_length=255, null=True)),
                    ('properties', models.JSONField(default=dict)),
                    ('occurred_at', models.DateTimeField()),
                    ('actor', models.CharField(max_length=60)),
                    ('received_at', models.DateTimeField()),
                    ('state', models.CharField(choices=[('waiting', 'Waiting'), ('applied', 'Rewarded'), ('refused', 'Refused'), ('parked', 'Parked, for staff to look at')], default='waiting', max_length=8)),
                    ('code', models.CharField(blank=True, help_text='Why it was refused.', max_length=40)),
                    ('detail', models.TextField(blank=True)),
                    ('points', models.BigIntegerField(db_default=0, default=0)),
                    ('posting', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
                    ('settled_at', models.DateTimeField(null=True)),
                ],
                options={
                    'permissions': [('requeue_inboxitem', 'Can have parked actions tried again')],
                    'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['brand', 'id'], name='inbox_waiting'), models.Index(condition=models.Q(('state', 'parked')), fields=['brand', 'id'], name='inbox_parked'), models.Index(fields=['brand', 'id'], name='inbox_newest'), models.Index(fields=['member', 'id'], name='inbox_of_member')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('param__isnull', False), ('state__in', ['waiting', 'applied', 'parked'])), fields=('brand', 'member', 'action', 'param'), name='inbox_triplet_once'), models.CheckConstraint(condition=models.Q(models.Q(('points', 0), ('posting__isnull', True), ('settled_at__isnull', True), ('state__in', ['waiting', 'parked'])), models.Q(('code', ''), ('points__gt', 0), ('posting__isnull', False), ('settled_at__isnull', False), ('state', 'applied')), models.Q(('points', 0), ('posting__isnull', True), ('settled_at__isnull', False), ('state', 'refused'), models.Q(('code', ''), _negated=True)), _connector='OR'), name='inbox_settled_whole')],
                },
            ), migrations.CreateModel(
                name='LedgerLook',
                fields=[
                    ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                    ('looked_id', models.BigIntegerField()),
                    ('noted_id', models.BigIntegerField()),
                    ('settled_id', models.BigIntegerField()),
                    ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='ledger_look_alone'), models.CheckConstraint(condition=models.Q(('noted_id__lte', models.F('looked_id')), ('settled_id__lte', models.F('noted_id'))), name='ledger_look_in_order')],
                },
            ), migrations.CreateModel(
                name='Location',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('street', models.CharField(blank=True, max_length=200)),
                    ('city', models.CharField(max_length=100)),
                    ('country', models.CharField(blank=True, max_length=100)),
                    ('zip', models.CharField(blank=True, max_length=20)),
                    ('geolocation', models.CharField(blank=True, max_length=100)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='location_of_brand')],
                },
            ), migrations.CreateModel(
                name='Programme',
                fields=[
                    ('brand', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='programme', serialize=False, to='users.brand')),
                    ('token', models.ForeignKey(help_text='What baskets earn unless they say otherwise.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('backdating_days', models.PositiveSmallIntegerField(default=30, help_text='How old a purchase or an event may be when it is reported.')),
                    ('revision', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='programme_ranks_anew', sql=pgtrigger.compiler.UpsertTriggerSql(func="UPDATE rewards_rankingmark SET time_zone = '' WHERE brand_id = NEW.brand_id; RETURN NULL;", hash='0b3589dff43110d18a134c139342db40a5aab08b', operation='INSERT OR UPDATE OF "token_id"', pgid='pgtrigger_programme_ranks_anew_f1754', table='rewards_programme', when='AFTER'))],
                },
            ), migrations.CreateModel(
                name='Promotion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('name', models.CharField(max_length=100)),
                    ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('state', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('paused', 'Paused'), ('ended', 'Ended')], default='draft', max_length=8)),
                    ('draft', models.JSONField(help_text='Terms that are not published (rewards.rules.promotions.Terms).')),
                    ('version', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.promotionversion')),
                    ('budget_points', models.BigIntegerField(blank=True, help_text='What it may give from when this is set; empty: no limit.', null=True)),
                    ('spent_points', models.BigIntegerField(db_default=0, default=0, editable=False)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'permissions': [('publish_promotion', 'Can publish, pause and end promotions')],
                    'triggers': [pgtrigger.compiler.Trigger(name='promotion_revises', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."state" IS DISTINCT FROM (NEW."state") OR OLD."version_id" IS DISTINCT FROM (NEW."version_id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."budget_points" IS DISTINCT FROM (NEW."budget_points"))', func='UPDATE rewards_programme SET revision = revision + 1 WHERE brand_id = NEW.brand_id; RETURN NULL;', hash='e03c82baef556367405746f75968c9cd7d95f5f9', operation='UPDATE', pgid='pgtrigger_promotion_revises_6aba5', table='rewards_promotion', when='AFTER'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='promotion_of_brand'), models.UniqueConstraint(fields=('brand', 'name'), name='promotion_name_once'), models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'running', 'paused', 'ended'])), name='promotion_state_known'), models.CheckConstraint(condition=models.Q(('spent_points__gte', 0), models.Q(('budget_points__isnull', True), ('spent_points__lte', models.F('budget_points')), _connector='OR')), name='promotion_within_budget'), models.CheckConstraint(condition=models.Q(('state', 'draft'), ('version__isnull', False), _connector='OR'), name='promotion_published_has_version')],
                },
            ), migrations.CreateModel(
                name='PromotionSegment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('promotion', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='ties', to='rewards.promotion')),
                    ('segment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.segment')),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='tie_revises', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_programme SET revision = revision + 1 WHERE brand_id = NEW.brand_id; RETURN NULL;', hash='24d2857169b7c3ec6934f6171408d6f467559e54', operation='INSERT', pgid='pgtrigger_tie_revises_17c60', table='rewards_promotionsegment', when='AFTER')), pgtrigger.compiler.Trigger(name='untie_revises', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_programme SET revision = revision + 1 WHERE brand_id = OLD.brand_id; RETURN NULL;', hash='ebe6296f02d324da31107d985f69f0ce749ca6b2', operation='DELETE', pgid='pgtrigger_untie_revises_55897', table='rewards_promotionsegment', when='AFTER'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'promotion', 'segment'), name='promotion_segment_once')],
                },
            ), migrations.CreateModel(
                name='PromotionUse',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('promotion', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.promotion')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('period', models.CharField(help_text="all, 2026-11-26, 2026-W48 or 2026-11, in the brand's time zone.", max_length=16)),
                    ('times', models.PositiveIntegerField()),
                    ('points', models.BigIntegerField()),
                ],
                options={
                    'indexes': [models.Index(fields=['member'], name='promotion_use_of_member')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'promotion', 'member', 'period'), name='promotion_use_once'), models.CheckConstraint(condition=models.Q(('points__gte', 0)), name='promotion_use_not_negative')],
                },
            ), migrations.CreateModel(
                name='PromotionVersion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('promotion', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='rewards.promotion')),
                    ('number', models.PositiveIntegerField(help_text='1, 2, 3, ... for each promotion.')),
                    ('terms', models.JSONField(help_text='rewards.rules.promotions.Terms')),
                    ('published_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('actor', models.CharField(max_length=60)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='promotion_version_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='75d932f093edd2c8594964cb69f088565ade86a6', operation='UPDATE', pgid='pgtrigger_promotion_version_no_update_26a83', table='rewards_promotionversion', when='BEFORE')), pgtrigger.compiler.Trigger(name='promotion_version_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='59719906ba7323d2133d76f8ef75be977bf2192a', operation='DELETE', pgid='pgtrigger_promotion_version_no_delete_58215', table='rewards_promotionversion', when='BEFORE')), pgtrigger.compiler.Trigger(name='promotion_version_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='65f320c024b3b865784551382c8df4f32333bb2f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_promotion_version_no_truncate_27e77', table='rewards_promotionversion', when='BEFORE'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='promotion_version_of_brand'), models.UniqueConstraint(fields=('brand', 'promotion', 'number'), name='promotion_version_once')],
                },
            ), migrations.CreateModel(
                name='RankNode',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('period', models.CharField(max_length=8)),
                    ('level', models.SmallIntegerField()),
                    ('node', models.BigIntegerField()),
                    ('members', models.BigIntegerField()),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'period', 'level', 'node'), name='rank_node_once')],
                },
            ), migrations.CreateModel(
                name='RankScore',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('period', models.CharField(help_text="all, 2026-11 or 2026-W48, in the brand's time zone.", max_length=8)),
                    ('name', models.CharField(max_length=255)),
                    ('points', models.BigIntegerField()),
                    ('week', models.CharField(db_default='', default='', max_length=8)),
                    ('month', models.CharField(db_default='', default='', max_length=8)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='score_counts_new_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO rewards_ranknode AS n (brand_id, period, level, node, members)\n            SELECT c.brand_id, c.period, l.level, c.points >> (6 * l.level), sum(c.sign)\n            FROM (SELECT brand_id, period, points, 1 AS sign FROM new_rows) AS c CROSS JOIN generate_series(0, 8) AS l(level)\n            WHERE c.points > 0 GROUP BY 1, 2, 3, 4 HAVING sum(c.sign) <> 0 ORDER BY 1, 2, 3, 4\n            ON CONFLICT (brand_id, period, level, node) DO UPDATE SET members = n.members + EXCLUDED.members;\n            RETURN NULL;\n        ', hash='a8a1e78d0e6838c1045074c295fd666827db1942', level='STATEMENT', operation='INSERT', pgid='pgtrigger_score_counts_new_rows_73e4e', referencing='REFERENCING NEW TABLE AS new_rows ', table='rewards_rankscore', when='AFTER')), pgtrigger.compiler.Trigger(name='score_counts_new_rows_old_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO rewards_ranknode AS n (brand_id, period, level, node, members)\n            SELECT c.brand_id, c.period, l.level, c.points >> (6 * l.level), sum(c.sign)\n            FROM (SELECT brand_id, period, points, 1 AS sign FROM new_rows UNION ALL SELECT brand_id, period, points, -1 AS sign FROM old_rows) AS c CROSS JOIN generate_series(0, 8) AS l(level)\n            WHERE c.points > 0 GROUP BY 1, 2, 3, 4 HAVING sum(c.sign) <> 0 ORDER BY 1, 2, 3, 4\n            ON CONFLICT (brand_id, period, level, node) DO UPDATE SET members = n.members + EXCLUDED.members;\n            RETURN NULL;\n        ', hash='9285f766991300391027a18e8c02b89c01ace517', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_score_counts_new_rows_old_rows_acd5e', referencing='REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ', table='rewards_rankscore', when='AFTER')), pgtrigger.compiler.Trigger(name='score_counts_old_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO rewards_ranknode AS n (brand_id, period, level, node, members)\n            SELECT c.brand_id, c.period, l.level, c.points >> (6 * l.level), sum(c.sign)\n            FROM (SELECT brand_id, period, points, -1 AS sign FROM old_rows) AS c CROSS JOIN generate_series(0, 8) AS l(level)\n            WHERE c.points > 0 GROUP BY 1, 2, 3, 4 HAVING sum(c.sign) <> 0 ORDER BY 1, 2, 3, 4\n            ON CONFLICT (brand_id, period, level, node) DO UPDATE SET members = n.members + EXCLUDED.members;\n            RETURN NULL;\n        ', hash='9466019ff10f3faf0d995fc341942b350f6e5ef2', level='STATEMENT', operation='DELETE', pgid='pgtrigger_score_counts_old_rows_8a905', referencing='REFERENCING OLD TABLE AS old_rows ', table='rewards_rankscore', when='AFTER')), pgtrigger.compiler.Trigger(name='score_newest_inserted', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            IF EXISTS (SELECT FROM new_rows WHERE period <> 'all') THEN\n              UPDATE rewards_rankscore s SET week = greatest(coalesce(n.week, ''), CASE WHEN s.week = ANY(n.gone) THEN '' ELSE s.week END), month = greatest(coalesce(n.month, ''), CASE WHEN s.month = ANY(n.gone) THEN '' ELSE s.month END)\n              FROM (SELECT brand_id, member_id, coalesce(array_agg(period) FILTER (WHERE points = 0), '{}') AS gone,\n                  max(period) FILTER (WHERE points > 0 AND period LIKE '%W%') AS week,\n                  max(period) FILTER (WHERE points > 0 AND period NOT LIKE '%W%') AS month\n                FROM new_rows WHERE period <> 'all' GROUP BY 1, 2) AS n\n              WHERE s.brand_id = n.brand_id AND s.member_id = n.member_id AND s.period = 'all'\n                AND (s.week, s.month) <> (greatest(coalesce(n.week, ''), CASE WHEN s.week = ANY(n.gone) THEN '' ELSE s.week END), greatest(coalesce(n.month, ''), CASE WHEN s.month = ANY(n.gone) THEN '' ELSE s.month END));\n            END IF;\n            RETURN NULL;\n        ", hash='48399c177ae4a2424fca12a445b915b32366eefb', level='STATEMENT', operation='INSERT', pgid='pgtrigger_score_newest_inserted_c51f5', referencing='REFERENCING NEW TABLE AS new_rows ', table='rewards_rankscore', when='AFTER')), pgtrigger.compiler.Trigger(name='score_newest_updated', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            IF EXISTS (SELECT FROM new_rows WHERE period <> 'all') THEN\n              UPDATE rewards_rankscore s SET week = greatest(coalesce(n.week, ''), CASE WHEN s.week = ANY(n.gone) THEN '' ELSE s.week END), month = greatest(coalesce(n.month, ''), CASE WHEN s.month = ANY(n.gone) THEN '' ELSE s.month END)\n              FROM (SELECT brand_id, member_id, coalesce(array_agg(period) FILTER (WHERE points = 0), '{}') AS gone,\n                  max(period) FILTER (WHERE points > 0 AND period LIKE '%W%') AS week,\n                  max(period) FILTER (WHERE points > 0 AND period NOT LIKE '%W%') AS month\n                FROM new_rows WHERE period <> 'all' GROUP BY 1, 2) AS n\n              WHERE s.brand_id = n.brand_id AND s.member_id = n.member_id AND s.period = 'all'\n                AND (s.week, s.month) <> (greatest(coalesce(n.week, ''), CASE WHEN s.week = ANY(n.gone) THEN '' ELSE s.week END), greatest(coalesce(n.month, ''), CASE WHEN s.month = ANY(n.gone) THEN '' ELSE s.month END));\n            END IF;\n            RETURN NULL;\n        ", hash='629755c5b950ebbfcd6bb6b95d57788a05e81952', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_score_newest_updated_614a5', referencing='REFERENCING NEW TABLE AS new_rows ', table='rewards_rankscore', when='AFTER'))],
                    'indexes': [models.Index(models.F('brand'), models.F('period'), models.F('points'), models.OrderBy(models.F('name'), descending=True), name='rank_order'), models.Index(condition=models.Q(('period', 'all')), fields=['brand', 'week', 'name'], name='rank_newest_week'), models.Index(condition=models.Q(('period', 'all')), fields=['brand', 'month', 'name'], name='rank_newest_month')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'member', 'period'), name='rank_score_once'), models.CheckConstraint(condition=models.Q(('points__gte', 0)), name='rank_score_not_negative')],
                },
            ), migrations.CreateModel(
                name='RedeemedCodes',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
                    ('codes', models.BigIntegerField()),
                    ('value', models.BigIntegerField(help_text='Points, or items of a collectible, of all together.')),
                ],
                options={
                    'verbose_name_plural': 'redeemed codes',
                    'constraints': [models.UniqueConstraint(fields=('brand', 'campaign'), name='redeemed_codes_once'), models.CheckConstraint(condition=models.Q(('codes__gt', 0), ('value__gt', 0)), name='redeemed_codes_positive')],
                },
            ), migrations.CreateModel(
                name='Reward',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reward_type', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rewards', to='rewards.rewardtype')),
                    ('code', models.CharField(max_length=100)),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('transaction', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
                    ('handed_out_at', models.DateTimeField(null=True)),
                    ('used_at', models.DateTimeField(null=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='reward_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='03e824a4d5cc95335d3079d7264e318bcc3dc06d', operation='DELETE', pgid='pgtrigger_reward_no_delete_86532', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='1312ad0a178cb8cdafc5ac359a4d6275d156b52b', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_reward_no_truncate_d6990', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_follows_ledger', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."transaction_id" IS NOT NULL)', func="\n                    IF NOT EXISTS (\n                        SELECT FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id\n                        WHERE t.id = NEW.transaction_id AND t.brand_id = NEW.brand_id AND a.member_id = NEW.member_id\n                          AND t.amount < 0\n                    ) THEN\n                        RAISE EXCEPTION 'a reward is paid by its member' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'reward_follows_ledger';\n                    END IF;\n                    RETURN NEW;\n                ", hash='ef49698263dd785298d216868f4187fa965d5ee8', operation='INSERT OR UPDATE', pgid='pgtrigger_reward_follows_ledger_bbd11', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_keeps_its_member', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."member_id" IS NOT NULL AND (OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."transaction_id" IS DISTINCT FROM (NEW."transaction_id")))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='ad34a931be9bda8f430bec1f98dc7246b305d44c', operation='UPDATE', pgid='pgtrigger_reward_keeps_its_member_9c925', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_used_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."used_at" IS NOT NULL AND OLD."used_at" IS DISTINCT FROM (NEW."used_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='82dcaaef3f2b02e7788daaf099b5cbe1659a4267', operation='UPDATE', pgid='pgtrigger_reward_used_is_final_6fd71', table='rewards_reward', when='BEFORE'))],
                    'indexes': [models.Index(condition=models.Q(('member__isnull', False)), fields=['reward_type', 'member'], name='reward_of_member'), models.Index(condition=models.Q(('member__isnull', False)), fields=['member', 'handed_out_at', 'id'], name='reward_of_member_by_time'), models.Index(condition=models.Q(('member__isnull', True), ('used_at__isnull', True)), fields=['reward_type', 'id'], name='reward_in_pool')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='reward_of_brand'), models.UniqueConstraint(fields=('brand', 'code'), name='reward_code_once'), models.CheckConstraint(condition=models.Q(models.Q(('handed_out_at__isnull', True), ('member__isnull', True), ('transaction__isnull', True)), models.Q(('handed_out_at__isnull', False), ('member__isnull', False), ('transaction__isnull', False)), _connector='OR'), name='reward_handed_out_whole'), models.CheckConstraint(condition=models.Q(('code', ''), _negated=True), name='reward_code_not_empty')],
                },
            ), migrations.CreateModel(
                name='RewardType',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.category')),
                    ('name', models.CharField(max_length=100)),
                    ('sku', models.CharField(blank=True, help_text="The shop's own name for it.", max_length=60)),
                    ('description', models.TextField(blank=True)),
                    ('value', models.DecimalField(blank=True, decimal_places=2, help_text="What it is worth, in the brand's currency.", max_digits=12, null=True)),
                    ('token', models.ForeignKey(help_text='What it is paid with.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('price', models.BigIntegerField(help_text='Points.')),
                    ('stock', models.BigIntegerField(blank=True, help_text='All there ever was; empty: no limit. A pool sets it itself.', null=True)),
                    ('handed_out', models.BigIntegerField(db_default=0, default=0, editable=False)),
                    ('member_limit', models.PositiveIntegerField(blank=True, help_text='How many one member may have.', null=True)),
                    ('fulfilment', models.CharField(choices=[('pool', 'A code from an uploaded pool'), ('generated', 'A code made on the spot'), ('physical', 'A gift that is sent')], default='generated', max_length=10)),
                    ('active', models.BooleanField(default=True, help_text='Whether it is offered at all.')),
                    ('valid_from', models.DateTimeField(blank=True, null=True)),
                    ('valid_until', models.DateTimeField(blank=True, help_text='The first instant at which it is over.', null=True)),
                    ('website', models.CharField(blank=True, max_length=300, validators=[django.core.validators.URLValidator(['http', 'https'])])),
                    ('images', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500, validators=[django.core.validators.URLValidator(['http', 'https'])]), blank=True, default=list, help_text='Addresses of pictures.', size=None)),
                    ('sends_email', models.BooleanField(default=True, help_text='Mail the code to the member.')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, help_text='Kept by the database.')),
                    ('locations', models.ManyToManyField(related_name='+', through='rewards.RewardTypeLocation', to='rewards.location')),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='reward_type_dated', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    NEW.updated_at = greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');\n                    RETURN NEW;\n                ", hash='a18af3405664c38b4f6c5cf94bcf8c55777e29f3', operation='UPDATE', pgid='pgtrigger_reward_type_dated_066a7', table='rewards_rewardtype', when='BEFORE'))],
                    'indexes': [models.Index(fields=['brand', 'updated_at', 'id'], name='reward_type_changed')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='reward_type_of_brand'), models.UniqueConstraint(condition=models.Q(('sku', ''), _negated=True), fields=('brand', 'sku'), name='reward_type_sku_once'), models.CheckConstraint(condition=models.Q(('value__isnull', True), ('value__gte', 0), _connector='OR'), name='reward_type_value_not_negative'), models.CheckConstraint(condition=models.Q(('fulfilment__in', ['pool', 'generated', 'physical'])), name='reward_type_fulfilment_known'), models.CheckConstraint(condition=models.Q(('price__gt', 0)), name='reward_type_price_positive'), models.CheckConstraint(condition=models.Q(('handed_out__gte', 0), models.Q(('stock__isnull', True), ('stock__gte', models.F('handed_out')), _connector='OR')), name='reward_type_within_stock'), models.CheckConstraint(condition=models.Q(models.Q(('fulfilment', 'pool'), _negated=True), ('stock__isnull', False), _connector='OR'), name='reward_type_pool_has_stock'), models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_until__isnull', True), ('valid_until__gt', models.F('valid_from')), _connector='OR'), name='reward_type_valid_forwards')],
                },
            ), migrations.CreateModel(
                name='PoolDraft',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reward_type', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='rewards.rewardtype')),
                    ('actor', models.CharField(max_length=60)),
                    ('text', models.TextField()),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
            ), migrations.CreateModel(
                name='RewardTypeLocation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reward_type', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='rewards.rewardtype')),
                    ('location', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='rewards.location')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'reward_type', 'location'), name='reward_type_location_once')],
                },
            ), migrations.CreateModel(
                name='RewardTypeSegment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reward_type', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='ties', to='rewards.rewardtype')),
                    ('segment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.segment')),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='reward_type_tie_given_dates', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_rewardtype SET name = name WHERE id = NEW.reward_type_id; RETURN NULL;', hash='18853b57cbc7150022e2da09d903e0f2048bc903', operation='INSERT OR UPDATE', pgid='pgtrigger_reward_type_tie_given_dates_07d1f', table='rewards_rewardtypesegment', when='AFTER')), pgtrigger.compiler.Trigger(name='reward_type_tie_taken_dates', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_rewardtype SET name = name WHERE id = OLD.reward_type_id; RETURN NULL;', hash='c3ef6a42dec847fe4b4c3a482212afc90938356c', operation='DELETE', pgid='pgtrigger_reward_type_tie_taken_dates_dfe36', table='rewards_rewardtypesegment', when='AFTER'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'reward_type', 'segment'), name='reward_type_segment_once')],
                },
            ), migrations.CreateModel(
                name='RewardTypeText',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reward_type', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='texts', to='rewards.rewardtype')),
                    ('language', models.CharField(max_length=8)),
                    ('name', models.CharField(max_length=100)),
                    ('description', models.TextField(blank=True)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='reward_type_text_given_dates', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_rewardtype SET name = name WHERE id = NEW.reward_type_id; RETURN NULL;', hash='0117d8361d9a496a6770eed9d9d2446c2de1e0d0', operation='INSERT OR UPDATE', pgid='pgtrigger_reward_type_text_given_dates_305d2', table='rewards_rewardtypetext', when='AFTER')), pgtrigger.compiler.Trigger(name='reward_type_text_taken_dates', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE rewards_rewardtype SET name = name WHERE id = OLD.reward_type_id; RETURN NULL;', hash='80d0b0430e1bcd82f4a1fcd89907b57b3749175e', operation='DELETE', pgid='pgtrigger_reward_type_text_taken_dates_2fd6c', table='rewards_rewardtypetext', when='AFTER'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'reward_type', 'language'), name='reward_type_text_once')],
                },
            ), migrations.CreateModel(
                name='VoucherClaim',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('transaction_id', models.CharField(help_text="The partner's own; once in the brand, for ever.", max_length=255)),
                    ('reward', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='claim', to='rewards.reward')),
                    ('salt', models.BinaryField(max_length=16)),
                    ('fingerprint', models.BinaryField(help_text='Salted SHA-256 of the request; empty once it is forgotten.', max_length=32)),
                    ('answer', models.TextField(help_text='The first answer, as JSON; null once the member is erased.', null=True)),
                    ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='voucher_claim_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='94f00c5bddb9c6411dbd90beb85efbc13ef86aef', operation='DELETE', pgid='pgtrigger_voucher_claim_no_delete_996fc', table='rewards_voucherclaim', when='BEFORE')), pgtrigger.compiler.Trigger(name='voucher_claim_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='8ad143e5e504a5902bb4bf926c3ce9b7f9fe4745', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_voucher_claim_no_truncate_c1205', table='rewards_voucherclaim', when='BEFORE')), pgtrigger.compiler.Trigger(name='voucher_claim_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."transaction_id" IS DISTINCT FROM (NEW."transaction_id") OR OLD."reward_id" IS DISTINCT FROM (NEW."reward_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='e2a4fe347045cafa858795bfe6660698083650d2', operation='UPDATE', pgid='pgtrigger_voucher_claim_stays_d9120', table='rewards_voucherclaim', when='BEFORE'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'transaction_id'), name='voucher_claim_once')],
                },
            )],
        ),
        loyalty.migrating.InstallTriggers(
            model_names=['ActionGain', 'BaseRate', 'Category', 'CategoryText', 'CodeBatch', 'Code', 'Collectible', 'Earning', 'EarningReversal', 'GiftOrderMove', 'Programme', 'Promotion', 'PromotionSegment', 'PromotionVersion', 'RankScore', 'Reward', 'RewardType', 'RewardTypeSegment', 'RewardTypeText', 'VoucherClaim'],
        ),
    ]
