import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.operations
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
import loyalty.migrating
import oauth2_provider.generators
import oauth2_provider.models
import pgtrigger.compiler
import users.models.approvals
import users.models.brands
import users.models.members
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        django.contrib.postgres.operations.TrigramExtension(
        ),
        loyalty.migrating.CreateModels(
            models=[migrations.CreateModel(
                name='PartnerProgramme',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('implementation_name', models.CharField(max_length=40, unique=True)),
                    ('name', models.CharField(max_length=100)),
                    ('alphabet', models.CharField(choices=[('digits', 'digits'), ('alphanumeric', 'alphanumeric')], max_length=12)),
                    ('lengths', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), help_text='Lengths a number may have; empty: any up to 32.', size=None)),
                    ('pattern', models.CharField(help_text='A group called number, where there is one, is what is kept.', max_length=200)),
                    ('usual_pattern', models.CharField(blank=True, help_text='Numbers outside it only warn staff.', max_length=200)),
                    ('checksum', models.CharField(choices=[('none', 'none'), ('luhn', 'luhn')], max_length=8)),
                    ('strength', models.CharField(choices=[('block', 'block'), ('warn', 'warn')], max_length=8)),
                    ('source', models.TextField(help_text='Where the rule comes from, and how sure it is.')),
                ],
            ), migrations.CreateModel(
                name='Brand',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=100, unique=True)),
                    ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), default=users.models.brands.default_languages, help_text='ISO 639-1 codes; the first is the default.', size=None)),
                    ('currency', models.CharField(default='EUR', help_text='ISO 4217.', max_length=3)),
                    ('time_zone', models.CharField(default='UTC', max_length=64, validators=[users.models.brands.validate_time_zone])),
                    ('colour', models.CharField(default='#4f46e5', help_text='Of buttons and links in the back office.', max_length=7, validators=[users.models.brands.validate_colour])),
                    ('sandbox', models.BooleanField(default=False, help_text='A brand for trying out; its API keys begin with lp_test_.')),
                    ('demands_second_factor', models.BooleanField(db_default=False, default=False, help_text='Its staff reach nothing before they have set up a second factor.')),
                    ('staff_limit_points', models.PositiveBigIntegerField(blank=True, default=1000, help_text="What one of the staff may move on a member's account within a day without a second person; empty: no limit.", null=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('languages__len__gte', 1)), name='brand_has_a_language')],
                },
            ), migrations.CreateModel(
                name='Staff',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                    ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                    ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                    ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                    ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                    ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                    ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                    ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                    ('brand', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='staff', to='users.brand')),
                    ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                    ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                    ('let_in_by', models.ManyToManyField(blank=True, editable=False, help_text='Whoever may be able to sign in as this one, for they made the way in; superusers of the house are not told.', related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'user',
                    'verbose_name_plural': 'users',
                    'abstract': False,
                },
                managers=[
                    ('objects', django.contrib.auth.models.UserManager()),
                ],
            ), migrations.CreateModel(
                name='Member',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='members', to='users.brand')),
                    ('public_id', models.CharField(default=users.models.members.new_public_id, max_length=11)),
                    ('auth_id', models.CharField(help_text="The partner's name for the member.", max_length=255, null=True)),
                    ('email', models.CharField(max_length=320, null=True)),
                    ('first_name', models.TextField(null=True)),
                    ('second_name', models.TextField(null=True)),
                    ('language', models.TextField(null=True)),
                    ('country_iso', models.TextField(null=True)),
                    ('metadata', models.JSONField(null=True)),
                    ('consent', models.SmallIntegerField(choices=[(-1, 'Not asked'), (0, 'Accepted'), (1, 'Refused')], db_default=-1, default=-1)),
                    ('token_generation', models.IntegerField(db_default=0, default=0, editable=False, help_text='Tokens that apps were given for an earlier one are refused.')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('erased_at', models.DateTimeField(null=True)),
                    ('merged_into', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='duplicates', to='users.member')),
                    ('merged_at', models.DateTimeField(null=True)),
                    ('merged_auth_id', models.CharField(help_text='What the partner called it before the merge.', max_length=255, null=True)),
                ],
                options={
                    'permissions': [('merge_member', 'Can merge a duplicate into another member'), ('export_member', 'Can export everything kept about a member'), ('erase_member', 'Can erase a member'), ('view_personal_data', 'Can see personal data of members')],
                    'triggers': [pgtrigger.compiler.Trigger(name='member_came', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO users_memberchange (brand_id, member_id) SELECT brand_id, id FROM came; RETURN NULL;', hash='ee530a0c649259155db4cc3cda2bb9bdab80b1ce', level='STATEMENT', operation='INSERT', pgid='pgtrigger_member_came_65b01', referencing='REFERENCING NEW TABLE AS came ', table='users_member', when='AFTER')), pgtrigger.compiler.Trigger(name='member_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n                INSERT INTO users_memberchange (brand_id, member_id, name)\n                SELECT n.brand_id, n.id, CASE WHEN n.auth_id IS NULL THEN o.auth_id END\n                FROM before o JOIN after n ON n.id = o.id WHERE o.auth_id IS DISTINCT FROM n.auth_id OR o.email IS DISTINCT FROM n.email OR o.first_name IS DISTINCT FROM n.first_name OR o.second_name IS DISTINCT FROM n.second_name OR o.language IS DISTINCT FROM n.language OR o.consent IS DISTINCT FROM n.consent;\n                RETURN NULL;\n            ', hash='d19abed5ca375a870ed39a9f24638e34e3bf6b13', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_member_changed_55433', referencing='REFERENCING OLD TABLE AS before  NEW TABLE AS after ', table='users_member', when='AFTER'))],
                    'indexes': [models.Index(fields=['brand', '-created_at', '-id'], name='member_newest'), django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('email'), name='gin_trgm_ops'), name='member_email_like'), models.Index(models.F('brand'), django.db.models.functions.text.Upper('email'), name='member_of_email'), models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='member_duplicates'), models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['brand', 'merged_auth_id'], name='member_once_named')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'auth_id'), name='member_auth_id_once'), models.UniqueConstraint(fields=('brand', 'public_id'), name='member_public_id_once'), models.UniqueConstraint(fields=('brand', 'id'), name='member_of_brand'), models.CheckConstraint(condition=models.Q(('auth_id__isnull', False), ('erased_at__isnull', False), ('merged_into__isnull', False), _connector='OR'), name='member_named_until_erased'), models.CheckConstraint(condition=models.Q(models.Q(('merged_at__isnull', True), ('merged_auth_id__isnull', True), ('merged_into__isnull', True)), models.Q(('auth_id__isnull', True), ('merged_at__isnull', False), ('merged_into__isnull', False)), _connector='OR'), name='member_merged_whole'), models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('merged_into', models.F('id')), _negated=True), _connector='OR'), name='member_not_merged_into_itself'), models.CheckConstraint(condition=models.Q(('erased_at__isnull', True), models.Q(('auth_id__isnull', True), ('consent', -1), ('country_iso__isnull', True), ('email__isnull', True), ('first_name__isnull', True), ('language__isnull', True), ('merged_auth_id__isnull', True), ('metadata__isnull', True), ('second_name__isnull', True)), _connector='OR'), name='member_erased_is_empty'), models.CheckConstraint(condition=models.Q(('consent__in', [-1, 0, 1])), name='member_consent_known')],
                },
            ), migrations.CreateModel(
                name='Email',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_index=False, help_text='Null: someone who is no member.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('kind', models.CharField(choices=[('code', 'A code'), ('reward', 'A reward'), ('credit_notice', 'Points were credited'), ('personalisation_rejected', 'A personalisation was rejected'), ('exchange_refused', 'An exchange was refused')], max_length=40)),
                    ('template', models.CharField(blank=True, help_text="The brand's template of that name; empty: the usual one.", max_length=60)),
                    ('recipient', models.CharField(max_length=320)),
                    ('language', models.CharField(max_length=35)),
                    ('context', models.JSONField(default=dict)),
                    ('message_id', models.UUIDField(default=uuid.uuid4)),
                    ('state', models.CharField(choices=[('queued', 'Queued'), ('leased', 'A worker is at it'), ('failed', 'To be tried again'), ('sent', 'Sent'), ('parked', 'Given up, for staff to look at')], default='queued', max_length=8)),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('fault', models.CharField(blank=True, help_text='Why the last attempt failed.', max_length=200)),
                    ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it may be tried next; a lease moves it on.')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('sent_at', models.DateTimeField(null=True)),
                ],
                options={
                    'permissions': [('queue_email', 'Can have an e-mail sent again')],
                    'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'leased', 'failed'))), fields=['attempts', 'due_at', 'id'], name='email_due'), models.Index(fields=['brand', 'id'], name='email_newest'), models.Index(condition=models.Q(('state', 'parked')), fields=['brand', 'id'], name='email_parked'), models.Index(models.F('brand'), django.db.models.functions.text.Upper('recipient'), models.F('created_at'), models.F('id'), condition=models.Q(('member__isnull', True)), name='email_of_address'), models.Index(fields=['member', 'created_at', 'id'], name='email_of_member')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', True)), _connector='OR'), name='email_sent_has_instant')],
                },
            ), migrations.CreateModel(
                name='ConsentChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('before', models.SmallIntegerField(choices=[(-1, 'Not asked'), (0, 'Accepted'), (1, 'Refused')])),
                    ('after', models.SmallIntegerField(choices=[(-1, 'Not asked'), (0, 'Accepted'), (1, 'Refused')])),
                    ('actor', models.CharField(max_length=60)),
                    ('at', models.DateTimeField()),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='consent_change_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='17a3488061525efe7991e7b9ee1a1fda6420dda8', operation='UPDATE', pgid='pgtrigger_consent_change_no_update_508ba', table='users_consentchange', when='BEFORE'))],
                    'indexes': [models.Index(fields=['member', 'at', 'id'], name='consent_of_member')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('after__in', [-1, 0, 1]), ('before__in', [-1, 0, 1])), name='consent_change_known')],
                },
            ), migrations.CreateModel(
                name='Approval',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('kind', models.CharField(choices=[('credit', 'Give points'), ('debit', 'Take points'), ('reversal', 'Reverse a transaction'), ('extension', 'Extend the expiry of points'), ('settlement', 'Settle an exchange by hand'), ('refund', 'Refund an exchange by hand')], max_length=20)),
                    ('member', models.ForeignKey(help_text='Whom it is about.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='users.member')),
                    ('subject', models.CharField(help_text='What it is about: only one approval of it waits at a time.', max_length=200)),
                    ('points', models.BigIntegerField(help_text='Points that it moves or extends.')),
                    ('asked', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                    ('digest', models.BinaryField(help_text='SHA-256 of what is asked, as canonical JSON.', max_length=32)),
                    ('reason', models.TextField(blank=True)),
                    ('reason_salt', models.BinaryField(default=users.models.approvals.new_salt, max_length=32, null=True)),
                    ('reference', models.CharField(help_text='The form it was asked with: sent twice, it asks once.', max_length=64)),
                    ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('asked_at', models.DateTimeField()),
                    ('until', models.DateTimeField(help_text='From then on nobody can approve it.')),
                    ('state', models.CharField(choices=[('asked', 'Waiting for a decision'), ('approved', 'Approved and done'), ('refused', 'Refused'), ('withdrawn', 'Withdrawn'), ('expired', 'Expired')], default='asked', max_length=9)),
                    ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('decided_at', models.DateTimeField(null=True)),
                    ('decision_reason', models.TextField(blank=True)),
                    ('transaction_id', models.BigIntegerField(help_text="The ledger's row that came of it, where there is one.", null=True)),
                ],
                options={
                    'permissions': [('approve', 'Can decide about what another asked for')],
                    'triggers': [pgtrigger.compiler.Trigger(name='approval_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='a8515859d4bb64d5d2e07fd9047eda963ecfe006', operation='DELETE', pgid='pgtrigger_approval_no_delete_28b88', table='users_approval', when='BEFORE')), pgtrigger.compiler.Trigger(name='approval_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='6eaf13007b695d2e9733c7647a56f96fbc4caf3d', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_approval_no_truncate_b82a2', table='users_approval', when='BEFORE')), pgtrigger.compiler.Trigger(name='approval_is_decided_once', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE _is_valid_transition BOOLEAN;', func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{asked:asked,asked:approved,asked:refused,asked:withdrawn,asked:expired,approved:approved,refused:refused,withdrawn:withdrawn,expired:expired}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;', hash='fa1713251e324dafb07cda217677ee3a9275b6d9', operation='UPDATE', pgid='pgtrigger_approval_is_decided_once_2612a', table='users_approval', when='BEFORE')), pgtrigger.compiler.Trigger(name='approval_keeps_what_was_asked', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."asked" IS DISTINCT FROM (NEW."asked") OR OLD."asked_at" IS DISTINCT FROM (NEW."asked_at") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."points" IS DISTINCT FROM (NEW."points") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."subject" IS DISTINCT FROM (NEW."subject") OR OLD."until" IS DISTINCT FROM (NEW."until"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='9842f2d4d6080170b90810eab5ead400abcaff91', operation='UPDATE', pgid='pgtrigger_approval_keeps_what_was_asked_0910f', table='users_approval', when='BEFORE')), pgtrigger.compiler.Trigger(name='approval_begins_asked', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NOT (NEW."state" = \'asked\'))', func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;", hash='a32d97515cc52ce658488c4879340e6c1ad9d65a', operation='INSERT', pgid='pgtrigger_approval_begins_asked_28fcb', table='users_approval', when='BEFORE')), pgtrigger.compiler.Trigger(name='approval_keeps_its_decision', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.state <> 'asked' AND (OLD.decided_by_id, OLD.decided_at, OLD.transaction_id) IS DISTINCT FROM (NEW.decided_by_id, NEW.decided_at, NEW.transaction_id))", func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='10c390c3ea1a44c7778d2fc009d4f3a73dabb9d7', operation='UPDATE', pgid='pgtrigger_approval_keeps_its_decision_d1d01', table='users_approval', when='BEFORE')), pgtrigger.compiler.Trigger(name='approval_keeps_its_reasons', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (((OLD.reason, OLD.reason_salt) IS DISTINCT FROM (NEW.reason, NEW.reason_salt) AND NEW.reason <> '') OR (OLD.state <> 'asked' AND OLD.decision_reason <> NEW.decision_reason AND NEW.decision_reason <> ''))", func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='6a347a4b8d3b70bc55343f3c7bff6c74f9acbe9c', operation='UPDATE', pgid='pgtrigger_approval_keeps_its_reasons_042f6', table='users_approval', when='BEFORE')), pgtrigger.compiler.Trigger(name='approval_staff_of_brand', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF EXISTS (SELECT FROM users_staff WHERE id IN (NEW.asked_by_id, NEW.decided_by_id) AND brand_id <> NEW.brand_id) THEN\n        RAISE EXCEPTION 'staff of another brand decide nothing here' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'approval_staff_of_brand';\n    END IF;\n    RETURN NEW;\n", hash='a333577c7aee3a5da969feddf13cc2706e466d04', operation='INSERT OR UPDATE', pgid='pgtrigger_approval_staff_of_brand_f4712', table='users_approval', when='BEFORE'))],
                    'indexes': [models.Index(fields=['brand', 'state', 'asked_at', 'id'], name='approval_of_state'), models.Index(models.F('brand'), models.Case(models.When(state='asked', then=models.Value(0)), default=models.Value(1)), models.OrderBy(models.F('asked_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='approval_open_first'), models.Index(fields=['brand', 'asked_at', 'id'], name='approval_newest'), models.Index(fields=['brand', 'kind', 'asked_at', 'id'], name='approval_of_kind'), models.Index(condition=models.Q(('state', 'asked')), fields=['until'], name='approval_due')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='approval_of_brand'), models.UniqueConstraint(fields=('brand', 'reference'), name='approval_of_form_once'), models.UniqueConstraint(condition=models.Q(('state', 'asked')), fields=('brand', 'subject'), name='approval_waits_once'), models.UniqueConstraint(condition=models.Q(('transaction_id__isnull', False)), fields=('brand', 'transaction_id'), name='approval_of_transaction_once'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['credit', 'debit', 'reversal', 'extension']), ('state', 'approved'), _negated=True), ('transaction_id__isnull', False), _connector='OR'), name='approval_names_its_transaction'), models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(django.db.models.functions.text.Length('digest'), 32)), name='approval_digest_length'), models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), ('reason_salt__isnull', True)), models.Q(models.Q(('reason', ''), _negated=True), django.db.models.lookups.Exact(django.db.models.functions.text.Length('reason_salt'), 32)), _connector='OR'), name='approval_reason_is_told'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'asked'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='approval_waits_with_a_reason'), models.CheckConstraint(condition=models.Q(('until__gt', models.F('asked_at'))), name='approval_has_time'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'asked'), ('decided_at__isnull', True), ('decided_by__isnull', True), ('decision_reason', ''), ('transaction_id__isnull', True)), models.Q(('decided_at__lt', models.F('until')), ('state', 'approved'), ('decided_at__isnull', False), ('decided_by__isnull', False), models.Q(('decided_by', models.F('asked_by')), _negated=True)), models.Q(('state', 'refused'), ('transaction_id__isnull', True), ('decided_at__isnull', False), ('decided_by__isnull', False), models.Q(('decided_by', models.F('asked_by')), _negated=True)), models.Q(('decided_at__isnull', False), ('decided_by', models.F('asked_by')), ('state', 'withdrawn'), ('transaction_id__isnull', True)), models.Q(('decided_at__isnull', False), ('decided_by__isnull', True), ('state', 'expired'), ('transaction_id__isnull', True)), _connector='OR'), name='approval_by_a_second_person')],
                },
            ), migrations.CreateModel(
                name='MemberChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('name', models.CharField(max_length=255, null=True)),
                    ('changed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'indexes': [models.Index(fields=['brand', 'id'], name='member_change_of_brand'), models.Index(condition=models.Q(('name__gt', '')), fields=['changed_at'], name='member_change_named')],
                },
            ), migrations.CreateModel(
                name='OAuthClient',
                fields=[
                    ('id', models.BigAutoField(primary_key=True, serialize=False)),
                    ('client_id', models.CharField(db_index=True, default=oauth2_provider.generators.generate_client_id, max_length=255, unique=True, verbose_name='client ID')),
                    ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='%(app_label)s_%(class)s', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                    ('redirect_uris', models.TextField(blank=True, help_text='Allowed URIs list, space separated', verbose_name='redirect URIs')),
                    ('post_logout_redirect_uris', models.TextField(blank=True, default='', help_text='Allowed Post Logout URIs list, space separated', verbose_name='post logout redirect URIs')),
                    ('client_type', models.CharField(choices=[('confidential', 'Confidential'), ('public', 'Public')], max_length=32, verbose_name='client type')),
                    ('authorization_grant_type', models.CharField(choices=[('authorization-code', 'Authorization code'), ('urn:ietf:params:oauth:grant-type:device_code', 'Device Code'), ('implicit', 'Implicit'), ('password', 'Resource owner password-based'), ('client-credentials', 'Client credentials'), ('openid-hybrid', 'OpenID connect hybrid')], max_length=44, verbose_name='authorization grant type')),
                    ('client_secret', oauth2_provider.models.ClientSecretField(blank=True, db_index=True, default=oauth2_provider.generators.generate_client_secret, help_text='Client secret for authentication', max_length=255, verbose_name='client secret')),
                    ('hash_client_secret', models.BooleanField(default=True, verbose_name='hash client secret')),
                    ('name', models.CharField(blank=True, max_length=255, verbose_name='name')),
                    ('skip_authorization', models.BooleanField(default=False, verbose_name='skip authorization')),
                    ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                    ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
                    ('algorithm', models.CharField(blank=True, choices=[('', 'No OIDC support'), ('RS256', 'RSA with SHA-2 256'), ('HS256', 'HMAC with SHA-2 256')], default='', max_length=5, verbose_name='algorithm')),
                    ('allowed_origins', models.TextField(blank=True, default='', help_text='Allowed origins list to enable CORS, space separated', verbose_name='allowed origins')),
                    ('registration_source', models.CharField(choices=[('manual', 'Manual'), ('dcr', 'Dynamic Client Registration'), ('cimd', 'Client ID Metadata Document')], default='manual', help_text='How this application was registered (manual, DCR per RFC 7591, or CIMD)', max_length=32, verbose_name='registration source')),
                    ('cimd_expires_at', models.DateTimeField(blank=True, default=None, help_text='When the cached Client ID Metadata Document should be re-fetched', null=True, verbose_name='CIMD expires at')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('members:read', 'Identify members, read their transactions'), ('segments:read', 'Read segments and their members'), ('segments:write', 'Make segments, add and remove members'), ('promotions:read', 'Read promotional products'), ('promotions:write', 'Tie promotions to segments'), ('earnings:write', 'Evaluate baskets, earn on them, reverse that; reward events'), ('earnings:force', 'Take back points that are spent'), ('vouchers:write', 'Redeem points for vouchers'), ('orders:read', 'Read gift orders'), ('orders:write', 'Move gift orders on'), ('catalogue:read', 'Read languages, categories and gifts')], max_length=40), size=None)),
                    ('rate_per_second', models.PositiveIntegerField(default=1000)),
                    ('burst', models.PositiveIntegerField(default=2000)),
                    ('rotated_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('last_used_at', models.DateTimeField(blank=True, editable=False, help_text='To the minute.', null=True)),
                ],
                options={
                    'verbose_name': 'OAuth client',
                    'permissions': [('rotate_oauthclient', "Can replace a client's secret"), ('revoke_oauthclient', 'Can revoke clients')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('algorithm', ''), ('authorization_grant_type', 'client-credentials'), ('client_type', 'confidential'), ('hash_client_secret', True), ('redirect_uris', ''), ('user__isnull', True)), name='oauth_client_credentials_alone'), models.CheckConstraint(condition=models.Q(('scopes__len__gte', 1)), name='oauth_client_has_a_scope'), models.CheckConstraint(condition=models.Q(('burst__gte', 1), ('rate_per_second__gte', 1)), name='oauth_client_rate_positive')],
                },
            ), migrations.CreateModel(
                name='Membership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='users.member')),
                    ('programme', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.partnerprogramme')),
                    ('partner_brand', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('number', models.CharField(max_length=255)),
                    ('warning', models.CharField(blank=True, help_text='What is unusual about the number, for staff.', max_length=200)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('partner_brand__isnull', False)), fields=['partner_brand', 'number'], name='membership_at_brand'), models.Index(fields=['brand', 'number'], name='membership_of_number')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'member', 'programme'), name='membership_programme_once'), models.UniqueConstraint(fields=('brand', 'member', 'partner_brand'), name='membership_brand_once'), models.CheckConstraint(condition=models.Q(models.Q(('partner_brand__isnull', True), ('programme__isnull', False)), models.Q(('partner_brand__isnull', False), ('programme__isnull', True)), _connector='OR'), name='membership_one_target')],
                },
            ), migrations.CreateModel(
                name='Refusal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('operation', models.CharField(help_text='What was asked for, as the API calls it.', max_length=60)),
                    ('code', models.CharField(max_length=60)),
                    ('hour_at', models.DateTimeField(help_text='When the hour began in which the like are counted.')),
                    ('detail', models.CharField(blank=True, max_length=200)),
                    ('reference_id', models.CharField(blank=True, help_text="The partner's own, of the last one.", max_length=255)),
                    ('request_id', models.CharField(blank=True, help_text='Of the last one; the log has it, too.', max_length=128)),
                    ('count', models.PositiveIntegerField(default=1)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When the last one was refused.')),
                ],
                options={
                    'indexes': [models.Index(fields=['member', 'at', 'id'], name='refusal_of_member'), models.Index(fields=['hour_at'], name='refusal_oldest')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'member', 'operation', 'code', 'hour_at'), name='refusal_once_an_hour'), models.CheckConstraint(condition=models.Q(('count__gte', 1)), name='refusal_counted')],
                },
            ), migrations.CreateModel(
                name='Segment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('name', models.CharField(max_length=100)),
                    ('description', models.TextField(blank=True)),
                    ('kind', models.CharField(choices=[('hand', 'Kept by hand'), ('rule', 'By rule')], default='hand', max_length=4)),
                    ('rule', models.JSONField(blank=True, help_text='What members of a segment by rule fulfil (users.rules.segments).', null=True)),
                    ('members_count', models.BigIntegerField(db_default=0, default=0, editable=False)),
                    ('ruled_at', models.DateTimeField(editable=False, help_text='When it was given its rule.', null=True)),
                    ('judged_at', models.DateTimeField(editable=False, help_text='When its rule was last judged for everybody.', null=True)),
                    ('judging_until', models.DateTimeField(editable=False, help_text='Somebody judges it for everybody until then.', null=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('kind', 'rule')), fields=['brand'], name='segment_by_rule')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='segment_of_brand'), models.UniqueConstraint(fields=('brand', 'name'), name='segment_name_once'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'hand'), ('rule__isnull', True), ('ruled_at__isnull', True)), models.Q(('kind', 'rule'), ('rule__isnull', False), ('ruled_at__isnull', False)), _connector='OR'), name='segment_rule_by_kind'), models.CheckConstraint(condition=models.Q(('members_count__gte', 0)), name='segment_count_not_negative')],
                },
            ), migrations.CreateModel(
                name='SegmentDraft',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('segment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.segment')),
                    ('actor', models.CharField(max_length=60)),
                    ('member_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
            ), migrations.CreateModel(
                name='SegmentDue',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
            ), migrations.CreateModel(
                name='SegmentMember',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('segment', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.segment')),
                    ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('added_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='segment_counts_new', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            UPDATE users_segment s SET members_count = s.members_count + c.count\n            FROM (SELECT segment_id, count(*) AS count FROM changed GROUP BY segment_id ORDER BY segment_id) AS c\n            WHERE s.id = c.segment_id;\n            RETURN NULL;\n        ', hash='e899a8aaecd956f4755ffb410cad7ce8b08b1c4c', level='STATEMENT', operation='INSERT', pgid='pgtrigger_segment_counts_new_bf414', referencing='REFERENCING NEW TABLE AS changed ', table='users_segmentmember', when='AFTER')), pgtrigger.compiler.Trigger(name='segment_counts_old', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            UPDATE users_segment s SET members_count = s.members_count - c.count\n            FROM (SELECT segment_id, count(*) AS count FROM changed GROUP BY segment_id ORDER BY segment_id) AS c\n            WHERE s.id = c.segment_id;\n            RETURN NULL;\n        ', hash='4d12f76358d2e54bfab01f49d7ecac1f5f3417de', level='STATEMENT', operation='DELETE', pgid='pgtrigger_segment_counts_old_0b216', referencing='REFERENCING OLD TABLE AS changed ', table='users_segmentmember', when='AFTER')), pgtrigger.compiler.Trigger(name='segment_tells_new', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO users_memberchange (brand_id, member_id) SELECT DISTINCT brand_id, member_id FROM changed;\n            RETURN NULL;\n        ', hash='751ed0ea33d50fe3632d1b53000e11c629122ace', level='STATEMENT', operation='INSERT', pgid='pgtrigger_segment_tells_new_342a4', referencing='REFERENCING NEW TABLE AS changed ', table='users_segmentmember', when='AFTER')), pgtrigger.compiler.Trigger(name='segment_tells_old', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO users_memberchange (brand_id, member_id) SELECT DISTINCT brand_id, member_id FROM changed;\n            RETURN NULL;\n        ', hash='d2296b8ca4a8ebcb3b55bfef358cf1bc18c20325', level='STATEMENT', operation='DELETE', pgid='pgtrigger_segment_tells_old_db933', referencing='REFERENCING OLD TABLE AS changed ', table='users_segmentmember', when='AFTER'))],
                    'indexes': [models.Index(fields=['member', 'segment'], name='segments_of_member')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'segment', 'member'), name='segment_member_once')],
                },
            ), migrations.CreateModel(
                name='SigningKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('kid', models.CharField(help_text='What a token calls it.', max_length=32, unique=True)),
                    ('secret', models.BinaryField(help_text='Encrypted.')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('verifies_until', models.DateTimeField(help_text='When the last token that it signed has expired; empty: it signs.', null=True)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(condition=models.Q(('verifies_until__isnull', True)), fields=('brand',), name='signing_key_signs_alone')],
                },
            ), migrations.CreateModel(
                name='WebhookEndpoint',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('address', models.CharField(help_text='https; it must be reached from the public net.', max_length=2000)),
                    ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('exchange.settled', 'An exchange was settled'), ('exchange.refused', 'An exchange was refused'), ('exchange.parked', 'An exchange is undecided, and staff must look at it')], max_length=40), size=None)),
                    ('secret', models.BinaryField()),
                    ('previous_secret', models.BinaryField(null=True)),
                    ('previous_until', models.DateTimeField(editable=False, help_text='Until when the previous secret signs, too.', null=True)),
                    ('active', models.BooleanField(default=True, help_text='While switched off it hears of nothing new, and what waits goes on waiting.')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'permissions': [('rotate_webhook_secret', "Can replace an endpoint's secret"), ('test_webhook', 'Can send a test event')],
                    'indexes': [models.Index(condition=models.Q(('active', True)), fields=['brand'], name='webhook_endpoint_active')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='webhook_endpoint_of_brand'), models.CheckConstraint(condition=models.Q(('events__len__gte', 1)), name='webhook_endpoint_hears'), models.CheckConstraint(condition=models.Q(models.Q(('previous_secret__isnull', True), ('previous_until__isnull', True)), models.Q(('previous_secret__isnull', False), ('previous_until__isnull', False)), _connector='OR'), name='webhook_endpoint_previous_whole')],
                },
            ), migrations.CreateModel(
                name='WebhookDelivery',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='users.webhookendpoint')),
                    ('event_id', models.UUIDField()),
                    ('type', models.CharField(max_length=40)),
                    ('body', models.TextField(blank=True, help_text='Empty once the member it tells of is erased.')),
                    ('member', models.ForeignKey(help_text='Whom it tells of, if anybody.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('state', models.CharField(choices=[('queued', 'Queued'), ('leased', 'A worker is at it'), ('failed', 'To be tried again'), ('sent', 'Sent'), ('parked', 'Given up, for staff to look at'), ('dropped', 'Nobody wants it any more')], default='queued', max_length=8)),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it may be tried next; a lease moves it on.')),
                    ('status', models.PositiveSmallIntegerField(help_text='What the receiver answered last.', null=True)),
                    ('fault', models.CharField(blank=True, help_text='Why there was no answer.', max_length=40)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('sent_at', models.DateTimeField(null=True)),
                ],
                options={
                    'verbose_name_plural': 'webhook deliveries',
                    'permissions': [('queue_webhook', 'Can have a webhook sent again')],
                    'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'leased', 'failed'))), fields=['endpoint', 'due_at', 'id'], name='webhook_due'), models.Index(fields=['brand', 'id'], name='webhook_newest'), models.Index(condition=models.Q(('state', 'parked')), fields=['brand', 'id'], name='webhook_parked'), models.Index(condition=models.Q(('state', 'leased')), fields=['endpoint', 'due_at'], name='webhook_under_way')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'endpoint', 'event_id'), name='webhook_delivery_once'), models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'leased', 'failed', 'sent', 'parked', 'dropped'])), name='webhook_delivery_state'), models.CheckConstraint(condition=models.Q(('attempts__lte', 14)), name='webhook_delivery_attempts'), models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', True)), _connector='OR'), name='webhook_delivery_sent_has_instant'), models.CheckConstraint(condition=models.Q(models.Q(('body', ''), _negated=True), ('state__in', ('sent', 'dropped')), _connector='OR'), name='webhook_delivery_has_a_body')],
                },
            ), migrations.CreateModel(
                name='AuditEntry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, help_text="Whose it is; null: the house's.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('staff', models.ForeignKey(db_index=False, help_text='Who, where known.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('staff_name', models.CharField(blank=True, help_text='The name they signed in with, at the time.', max_length=150)),
                    ('kind', models.CharField(choices=[('log_in', 'Log-in'), ('log_in_failed', 'Log-in failed'), ('log_out', 'Log-out'), ('refused', 'Refused'), ('add', 'Added'), ('change', 'Changed'), ('action', 'Action'), ('approval', 'Approval'), ('export', 'Export'), ('look', 'Look at personal data')], max_length=13)),
                    ('subject_model', models.CharField(blank=True, help_text='App and model, as users.member.', max_length=100)),
                    ('subject_id', models.CharField(blank=True, max_length=64)),
                    ('subject_text', models.CharField(blank=True, help_text='What it was called at the time.', max_length=200)),
                    ('before', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                    ('after', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                    ('reason', models.TextField(blank=True)),
                    ('address', models.GenericIPAddressField(help_text='Where the request came from.', null=True)),
                    ('request_id', models.CharField(blank=True, help_text='As in the logs.', max_length=128)),
                    ('at', models.DateTimeField()),
                ],
                options={
                    'indexes': [models.Index(fields=['at', 'id'], name='audit_newest_of_all'), models.Index(fields=['brand', 'at', 'id'], name='audit_newest'), models.Index(fields=['brand', 'staff', 'at', 'id'], name='audit_of_staff'), models.Index(fields=['brand', 'kind', 'at', 'id'], name='audit_of_kind'), models.Index(fields=['brand', 'subject_model', 'subject_id', 'at', 'id'], name='audit_of_subject')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('subject_id', ''), ('subject_model', '')), models.Q(models.Q(('subject_model', ''), _negated=True), models.Q(('subject_id', ''), _negated=True)), _connector='OR'), name='audit_subject_whole'), models.CheckConstraint(condition=models.Q(('kind__in', ['log_in', 'log_in_failed', 'log_out', 'refused', 'add', 'change', 'action', 'approval', 'export', 'look'])), name='audit_kind_known')],
                    'triggers': [pgtrigger.compiler.Trigger(name='audit_entry_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='de8ebc75caf54f972e543ee87039cd77fadb40a4', operation='UPDATE', pgid='pgtrigger_audit_entry_no_update_7db18', table='users_auditentry', when='BEFORE')), pgtrigger.compiler.Trigger(name='audit_entry_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='aecf50eedf600aaa02da77d0043a485d50ed8d70', operation='DELETE', pgid='pgtrigger_audit_entry_no_delete_c9b26', table='users_auditentry', when='BEFORE')), pgtrigger.compiler.Trigger(name='audit_entry_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='7368ef859c660db12fc85ad871c5a6dffe3d2700', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_audit_entry_no_truncate_cea38', table='users_auditentry', when='BEFORE'))],
                },
            ), migrations.CreateModel(
                name='App',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('name', models.CharField(max_length=100)),
                    ('partner_id', models.CharField(editable=False, help_text='What it calls APMPartnerID.', max_length=40, unique=True)),
                    ('app_id', models.CharField(editable=False, help_text='What it calls appId.', max_length=40, unique=True)),
                    ('partner_secret', models.CharField(editable=False, max_length=128)),
                    ('app_secret', models.BinaryField()),
                    ('previous_secret', models.BinaryField(null=True)),
                    ('previous_until', models.DateTimeField(editable=False, null=True)),
                    ('rate_per_second', models.PositiveIntegerField(default=1000)),
                    ('burst', models.PositiveIntegerField(default=2000)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('rotated_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('last_used_at', models.DateTimeField(blank=True, editable=False, help_text='To the minute.', null=True)),
                ],
                options={
                    'permissions': [('rotate_app', "Can replace an app's secrets"), ('revoke_app', 'Can revoke apps')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='app_of_brand'), models.CheckConstraint(condition=models.Q(('burst__gte', 1), ('rate_per_second__gte', 1)), name='app_rate_positive'), models.CheckConstraint(condition=models.Q(models.Q(('previous_secret__isnull', True), ('previous_until__isnull', True)), models.Q(('previous_secret__isnull', False), ('previous_until__isnull', False)), _connector='OR'), name='app_previous_whole')],
                },
            ), migrations.CreateModel(
                name='ApiKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='users.brand')),
                    ('public', models.CharField(help_text='The part of the key that may be shown.', max_length=8, unique=True)),
                    ('digest', models.BinaryField(help_text='SHA-256 of the secret part.', max_length=32)),
                    ('label', models.CharField(blank=True, max_length=100)),
                    ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('users:read', 'Read users, balances and memberships'), ('users:write', 'Create, change and erase users and memberships'), ('transactions:read', 'Read transactions'), ('transactions:write', 'Move points, redeem codes, hand out rewards and collectibles'), ('codes:read', 'Read campaigns and codes'), ('codes:write', 'Issue codes'), ('rewards:read', 'Read reward types and rewards'), ('rewards:write', 'Mark rewards as used'), ('nfts:read', 'Read collectibles'), ('nfts:write', 'Personalise collectibles, and decide about it')], max_length=40), size=None)),
                    ('rate_per_second', models.PositiveIntegerField(default=1000)),
                    ('burst', models.PositiveIntegerField(default=2000)),
                    ('replaces', models.ForeignKey(editable=False, help_text='The key it was made to follow.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='successors', to='users.apikey')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('expires_at', models.DateTimeField(blank=True, null=True)),
                    ('revoked_at', models.DateTimeField(blank=True, null=True)),
                    ('last_used_at', models.DateTimeField(blank=True, help_text='To the minute.', null=True)),
                ],
                options={
                    'verbose_name': 'API key',
                    'permissions': [('rotate_apikey', 'Can give keys a successor'), ('revoke_apikey', 'Can revoke keys')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='api_key_of_brand'), models.UniqueConstraint(fields=('brand', 'replaces'), name='api_key_followed_once'), models.CheckConstraint(condition=models.Q(('burst__gte', 1), ('rate_per_second__gte', 1)), name='api_key_rate_positive')],
                },
            ), migrations.CreateModel(
                name='EmailTemplate',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('kind', models.CharField(choices=[('code', 'A code'), ('reward', 'A reward'), ('credit_notice', 'Points were credited'), ('personalisation_rejected', 'A personalisation was rejected'), ('exchange_refused', 'An exchange was refused')], max_length=40)),
                    ('name', models.CharField(blank=True, help_text='Empty: the usual one of its kind.', max_length=60)),
                    ('language', models.CharField(max_length=8)),
                    ('subject', models.CharField(max_length=200)),
                    ('text', models.TextField(max_length=20000, validators=[django.core.validators.MaxLengthValidator(20000)])),
                    ('html', models.TextField(max_length=100000, validators=[django.core.validators.MaxLengthValidator(100000)])),
                    ('updated_at', models.DateTimeField(auto_now=True)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'kind', 'name', 'language'), name='email_template_once')],
                },
            )],
        ),
        loyalty.migrating.InstallTriggers(
            model_names=['Member', 'ConsentChange', 'Approval', 'SegmentMember', 'AuditEntry'],
        ),
    ]
